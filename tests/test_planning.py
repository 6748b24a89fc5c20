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
from fastpack import DataError, OutputExistsError, SourceNotFoundError
from oracle import RULES, Rules, best_fit_decreasing, chunks_of

lengths_lists = st.lists(st.integers(0, 90), max_size=60)


@given(lengths_lists, st.integers(1, 40), st.sampled_from(RULES))
def test_figures_add_up(lengths, context_length, long_documents):
    plan = fastpack.plan(
        np.array(lengths, np.int64),
        context_length=context_length,
        long_documents=long_documents,
    )
    rows = chunks_of(lengths, Rules(context_length, long_documents))
    chunks = [length for _, _, length in rows if length]
    long = [length for length in lengths if length > context_length]
    assert plan.n_documents == len(lengths)
    assert plan.n_tokens == sum(lengths)
    assert plan.n_rows == len(rows)
    assert plan.n_chunks == len(chunks)
    assert plan.packed == sum(chunks)
    assert plan.n_tokens == plan.packed + plan.truncated + plan.dropped
    assert plan.n_bins == len(best_fit_decreasing(chunks, Rules(context_length)))
    assert plan.n_bins * context_length == plan.packed + plan.padding
    assert -(-plan.packed // context_length) <= plan.lower_bound <= plan.n_bins
    assert plan.documents_empty == lengths.count(0)
    if long_documents == "drop":
        assert plan.dropped == sum(long)
        assert (plan.documents_dropped, plan.documents_cut) == (len(long), 0)
    else:
        assert (plan.documents_dropped, plan.documents_cut) == (0, len(long))
        assert plan.dropped == 0
    if long_documents == "split":
        assert plan.truncated == 0
    if plan.n_bins:
        assert plan.efficiency == plan.packed / (plan.n_bins * context_length)
    else:
        assert plan.efficiency == 1.0


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


def test_prints_as_a_short_summary():
    plan = fastpack.plan(np.array([20, 0, 5]), context_length=8, long_documents="drop")
    assert str(plan).splitlines() == [
        "PackingPlan: 3 documents in 1 sequences of 8 tokens",
        "  documents     3   (1 empty, 0 cut, 1 dropped)",
        "  tokens       25   (5 packed, 0 truncated, 20 dropped)",
        "  chunks        1",
        "  sequences     1   (lower bound 1)",
        "  padding       3   (efficiency 62.5 %)",
    ]


def test_figures_are_json_and_plans_can_be_pickled():
    lengths = np.array([8, 6, 6, 4, 3])
    plan = fastpack.plan(lengths, context_length=np.int64(8))
    assert json.loads(json.dumps(plan.figures())) == plan.figures()
    other = pickle.loads(pickle.dumps(plan))
    assert other.figures() == plan.figures()
    assert other.assign(lengths).equals(plan.assign(lengths))


@pytest.mark.parametrize(
    ("lengths", "counts", "context_length", "n_bins"),
    [
        ([1], [2**63 - 1], 1, 2**63 - 1),
        ([1], [2**62], 1, 2**62),
        ([2], [2**62 - 1], 3, 2**62 - 1),
        ([2**63 - 1], [1], 1, 2**63 - 1),
        ([2**63 - 1], [1], 2**31 - 1, 2**32 + 3),
    ],
)
def test_as_many_bins_as_there_can_be(lengths, counts, context_length, n_bins):
    histogram = fastpack.LengthHistogram(lengths, counts)
    plan = fastpack.plan(histogram, context_length=context_length)
    assert plan.n_bins == n_bins
    assert plan.padding == n_bins * context_length - plan.n_tokens >= 0


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


def test_a_capacity_beyond_all_tokens_costs_nothing():
    few = np.array([5, 3, 2])
    huge = fastpack.plan(few, context_length=2**31 - 1)
    assert huge.runs.equals(fastpack.plan(few, context_length=10).runs)
    assert huge.padding == 2**31 - 1 - 10


def test_a_tree_that_does_not_fit_into_memory(monkeypatch):
    from fastpack.kernels import best_fit

    def refuse(capacity, n_lengths):
        raise MemoryError

    monkeypatch.setattr(best_fit, "new_spaces", refuse)
    with pytest.raises(MemoryError, match="`context_length` 8 needs a segment tree"):
        fastpack.plan(np.array([8, 8]), context_length=8)


def test_plan_files(tmp_path):
    path = tmp_path / "plan.parquet"
    lengths = np.random.default_rng(0).integers(0, 5000, 3000)
    plan = fastpack.plan(lengths, context_length=1000, long_documents="truncate")
    plan.save(path)
    loaded = fastpack.PackingPlan.load(str(path))
    assert loaded.figures() == plan.figures()
    assert loaded.options == plan.options
    assert loaded.histogram == plan.histogram
    assert loaded.assign(lengths).equals(plan.assign(lengths))
    assert pl.read_parquet(path).equals(plan.runs)
    with pytest.raises(OutputExistsError, match="exists already"):
        plan.save(path)
    plan.save(path, overwrite=True)
    empty = fastpack.plan(np.array([], np.int64), context_length=8)
    empty.save(path, overwrite=True)
    assert fastpack.PackingPlan.load(path).n_bins == 0
    assert [file.name for file in tmp_path.iterdir()] == ["plan.parquet"]


def test_files_that_are_no_plans(tmp_path):
    path = tmp_path / "plan.parquet"
    with pytest.raises(SourceNotFoundError, match="no file of a plan"):
        fastpack.PackingPlan.load(path)
    path.write_text("no")
    with pytest.raises(DataError, match="not the file of a plan"):
        fastpack.PackingPlan.load(path)
    plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
    plan.runs.write_parquet(path)
    with pytest.raises(DataError, match="not the file of a plan"):
        fastpack.PackingPlan.load(path)
    plan.save(path, overwrite=True)
    metadata = pl.read_parquet_metadata(path)
    plan.runs.reverse().write_parquet(path, metadata={"fastpack": metadata["fastpack"]})
    with pytest.raises(DataError, match=r"the runs in .* are not those that fastpack"):
        fastpack.PackingPlan.load(path)
    other = metadata["fastpack"].replace("context_length", "context")
    plan.runs.write_parquet(path, metadata={"fastpack": other})
    with pytest.raises(DataError, match="not the file of a plan"):
        fastpack.PackingPlan.load(path)


def test_pickled_plans_assign_alike():
    lengths = np.random.default_rng(0).integers(0, 500, 300)
    plan = fastpack.plan(lengths, context_length=100)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.assign(lengths).equals(plan.assign(lengths))
