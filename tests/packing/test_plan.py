"""Plans: of a histogram or its lengths, and their parts in any order."""

import json
import pickle
import threading
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError
from oracle import RULES
from strategies import lengths_lists


@given(lengths_lists, st.integers(1, 40))
def test_runs_are_the_plan(lengths, context_length):
    plan = fastpack.plan(np.array(lengths, np.int64), context_length=context_length)
    runs = plan.runs
    assert runs.schema == {
        "chunk_length": pl.Int32,
        "first_bin": pl.Int64,
        "bins": pl.Int64,
        "chunks_per_bin": pl.Int32,
        "bin_offset": pl.Int32,
    }
    n_chunks = (pl.col("bins") * pl.col("chunks_per_bin")).sum()
    assert runs.select(n_chunks).item() == plan.n_chunks
    assert runs["chunk_length"].is_sorted(descending=True)
    end = (
        pl.col("bin_offset") + pl.col("chunk_length") * pl.col("chunks_per_bin")
    ).max()
    if plan.n_bins:
        assert runs.select(end).item() <= context_length
        last = (pl.col("first_bin") + pl.col("bins")).max()
        assert runs.select(last).item() == plan.n_bins


def test_any_table_that_can_be_packed_can_be_planned_and_compared(small_batches):
    small_batches(batch=300)
    rng = np.random.default_rng(15)
    frame = pl.DataFrame(
        {
            "doc_id": [f"d{number}" for number in range(1000)],
            "tokens": [[0] * length for length in rng.integers(0, 50, 1000)],
            "source": rng.integers(0, 3, 1000),
        }
    ).with_columns(n_tokens=pl.col("tokens").list.len())
    listed = frame.drop("n_tokens")
    for rules in ({"context_length": 32}, {"context_length": 32, "by": "source"}):
        lengths = (
            frame.select("source", "n_tokens") if "by" in rules else frame["n_tokens"]
        )
        plan = fastpack.plan(lengths, **rules)
        compared = fastpack.compare(lengths, **rules)
        cuts = fastpack.cuts(lengths, **rules)
        for table, *length in (
            (frame,),
            (frame, "n_tokens"),
            (frame.rename({"n_tokens": "n"}), "n"),
            (listed, pl.col("tokens").list.len()),
        ):
            for data in (table, table.lazy()):
                other = fastpack.plan(data, *length, **rules)
                assert other.runs.equals(plan.runs)
                assert other.histogram == plan.histogram
                assert fastpack.compare(data, *length, **rules).equals(compared)
                assert fastpack.cuts(data, *length, **rules).equals(cuts)
    with pytest.raises(DataError, match="`length` names a column that is absent: 'n'"):
        fastpack.plan(frame.lazy(), "n", context_length=8)
    with pytest.raises(DataError, match="none of them 'n_tokens'"):
        fastpack.plan(listed.lazy(), context_length=8)


def test_a_lazy_frame_is_planned_in_batches(small_batches, monkeypatch):
    small_batches(batch=100)
    lazy = pl.LazyFrame({"n_tokens": np.arange(1000), "text": ["x"] * 1000})
    monkeypatch.delattr(pl.LazyFrame, "collect")
    assert fastpack.plan(lazy, context_length=2048).n_documents == 1000


def test_a_histogram_is_planned_like_its_lengths_and_scales():
    rng = np.random.default_rng(11)
    lengths = rng.integers(1, 5000, 10_000)
    histogram = fastpack.LengthHistogram.from_lengths(lengths)
    one = fastpack.plan(lengths, context_length=2048)
    other = fastpack.plan(histogram, context_length=2048)
    assert one.runs.equals(other.runs)
    scaled = fastpack.LengthHistogram(histogram.lengths, histogram.counts * 10**6)
    big = fastpack.plan(scaled, context_length=2048)
    assert big.n_tokens == 10**6 * one.n_tokens
    assert big.n_bins <= 10**6 * one.n_bins
    assert big.runs.height < 2 * one.runs.height


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=60),
    context_length=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    long_documents=st.sampled_from(RULES),
)
def test_parts_in_any_order_give_the_table_of_one_pass(
    lengths, context_length, cuts, long_documents
):
    array = np.array(lengths, np.int64)
    plan = fastpack.plan(
        array, context_length=context_length, long_documents=long_documents
    )
    whole = plan.assign(array)
    bounds = [0, *sorted(min(cut, array.size) for cut in cuts), array.size]
    parts = {}
    for start, end in reversed(list(pairwise(bounds))):
        before = fastpack.LengthHistogram.from_lengths(array[:start])
        parts[start, end] = plan.assign(array[start:end], after=before)
    assert pl.concat([parts[key] for key in sorted(parts)]).equals(whole)


def test_threads_give_the_table_of_one_pass():
    rng = np.random.default_rng(12)
    lengths = rng.integers(0, 3000, 40_000).astype(np.int32)
    plan = fastpack.plan(lengths, context_length=1024)
    whole = plan.assign(lengths)
    bounds = np.linspace(0, lengths.size, 9).astype(int).tolist()
    results = {}

    def work(start, end):
        before = fastpack.LengthHistogram.from_lengths(lengths[:start])
        results[start] = plan.assign(lengths[start:end], after=before)

    threads = [threading.Thread(target=work, args=pair) for pair in pairwise(bounds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pl.concat([results[start] for start in sorted(results)]).equals(whole)


def test_figures_are_json_and_plans_can_be_pickled():
    lengths = np.array([8, 6, 6, 4, 3])
    plan = fastpack.plan(lengths, context_length=np.int64(8))
    assert json.loads(json.dumps(plan.figures())) == plan.figures()
    other = pickle.loads(pickle.dumps(plan))
    assert other.figures() == plan.figures()
    assert other.assign(lengths).equals(plan.assign(lengths))


def test_what_is_no_histogram():
    plan = fastpack.plan(np.array([1]), context_length=8)
    for wrong in (
        lambda: plan.assign(np.array([1]), after=5),
        lambda: fastpack.PackingPlan(np.array([1]), plan.options),
        lambda: fastpack.PackingPlan(plan.histogram, 8),
    ):
        with pytest.raises(fastpack.OptionTypeError, match="` must be a "):
            wrong()


def test_lengths_must_be_one_column():
    frame = pl.DataFrame({"a": [1], "b": [2]})
    with pytest.raises(fastpack.DataError, match="`lengths` must be one column, got 2"):
        fastpack.plan(frame, context_length=8)
    assert fastpack.plan(frame["a"], context_length=8).n_bins == 1


def test_pickled_plans_assign_alike():
    lengths = np.random.default_rng(0).integers(0, 500, 300)
    plan = fastpack.plan(lengths, context_length=100)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.assign(lengths).equals(plan.assign(lengths))


def test_describe_is_the_plan():
    plan = fastpack.plan(np.array([8, 6]), context_length=8)
    description = plan.as_dict()
    assert description["version"] == fastpack.__version__
    assert description["options"] == plan.options.as_dict()
    assert description["figures"]["n_bins"] == 2
