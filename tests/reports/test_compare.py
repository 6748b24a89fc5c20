"""compare() and cuts(): against cutting token by token."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError, OptionError, OptionTypeError
from fastpack.reports.compare import STRATEGIES
from oracle import RULES, cut_token_by_token


def row(table, strategy):
    return table.filter(pl.col("strategy") == strategy).to_dicts()[0]


@given(
    st.lists(st.integers(0, 30), max_size=40),
    st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True),
    st.sampled_from(RULES),
    st.integers(0, 2),
)
def test_every_strategy(lengths, context_lengths, long_documents, extra):
    extra = min(extra, *(each - 1 for each in context_lengths))
    rules = {"long_documents": long_documents, "extra_tokens": extra}
    series = pl.Series("n_tokens", lengths, dtype=pl.UInt16)
    table = fastpack.compare(series, context_length=context_lengths, **rules)
    assert table["strategy"].to_list() == list(STRATEGIES) * len(context_lengths)
    parts = [table[start : start + 3] for start in range(0, table.height, 3)]
    for context_length, part in zip(context_lengths, parts, strict=True):
        sequences, cuts = cut_token_by_token(lengths, context_length)
        cut = [document for document, number in enumerate(cuts) if number]
        found = row(part, "concatenate")
        assert found["context_length"] == context_length
        assert found["n_bins"] == len(sequences)
        padding = len(sequences) * context_length - sum(lengths)
        assert found["padding"] == padding
        assert found["documents_cut"] == len(cut)
        assert found["documents_cut_unnecessarily"] == sum(
            lengths[document] <= context_length for document in cut
        )
        assert found["cuts"] == sum(cuts)
        assert found["tokens_left_out"] == 0
        long = [length for length in lengths if length > context_length]
        found = row(part, "truncate")
        assert found["n_bins"] == sum(length > 0 for length in lengths)
        assert found["documents_cut"] == found["cuts"] == len(long)
        assert found["tokens_left_out"] == sum(n - context_length for n in long)
        plan = fastpack.plan(series, context_length=context_length, **rules)
        pieces = fastpack.pack(series, context_length=context_length, **rules)
        pieces = pieces["document"].value_counts()["count"] - 1
        found = row(part, "best_fit")
        assert found["n_bins"] == plan.n_bins
        assert found["padding"] == plan.padding
        assert found["efficiency"] == plan.efficiency
        assert found["tokens_left_out"] == plan.truncated + plan.dropped
        assert found["documents_cut"] == plan.documents_cut
        if long_documents == "split":
            assert found["cuts"] == pieces.sum()
        longest = context_length - extra
        assert found["documents_cut_unnecessarily"] == (
            sum(longest < length <= context_length for length in lengths)
            if long_documents != "drop"
            else 0
        )
        more = plan.n_bins / len(sequences) - 1 if sequences else 0
        assert found["n_bins_over_concatenation"] == pytest.approx(more)


@given(st.lists(st.integers(0, 70), max_size=40), st.integers(1, 12))
def test_cuts_chart(lengths, context_length):
    table = fastpack.cuts(np.array(lengths, int), context_length=context_length)
    _, cuts = cut_token_by_token(lengths, context_length)
    expected = {}
    for length, number in zip(lengths, cuts, strict=True):
        if length:
            bits = length.bit_length()
            best_fit = -(-length // context_length) - 1
            expected.setdefault(bits, []).append((number, best_fit))
    assert table["shortest"].to_list() == [2 ** (bits - 1) for bits in sorted(expected)]
    for found, bits in zip(table.to_dicts(), sorted(expected), strict=True):
        assert found["longest"] == 2**bits - 1
        assert found["documents"] == len(expected[bits])
        for place, name in enumerate(("concatenate", "best_fit")):
            mean = np.mean([both[place] for both in expected[bits]])
            assert found[name] == pytest.approx(mean)


def test_any_input_and_batches(small_batches):
    lengths = np.random.default_rng(2).integers(0, 5000, 3000)
    expected = fastpack.compare(lengths, context_length=[100, 2048])
    small_batches(batch=700)
    frame = pl.DataFrame({"n": lengths, "g": lengths % 3})
    for data in (frame.select("n"), frame.lazy().select("n"), frame["n"]):
        assert fastpack.compare(data, context_length=[100, 2048]).equals(expected)
    grouped = fastpack.compare(frame, context_length=2048, by="g")
    plan = fastpack.plan(frame, context_length=2048, by="g")
    assert row(grouped, "best_fit")["n_bins"] == plan.n_bins
    assert fastpack.compare(lengths)["context_length"].unique().to_list() == [
        2048,
        8192,
    ]
    one = fastpack.compare(lengths, strategies=["best_fit"])
    assert one["strategy"].to_list() == ["best_fit"] * 2


def test_huge_documents():
    lengths = np.array([2**50, 3, 2**40 + 1])
    table = fastpack.compare(lengths, context_length=2**20)
    assert row(table, "concatenate")["cuts"] == 2**30 - 1 + 2**20
    assert row(table, "best_fit")["cuts"] == 2**30 - 1 + 2**20


def test_nothing_to_compare():
    table = fastpack.compare(np.array([], int))
    assert table["n_bins"].to_list() == [0] * 6
    assert fastpack.cuts(np.array([0]), context_length=8).height == 0


def test_parameters_that_cannot_be_right():
    lengths = np.array([1, 2])
    with pytest.raises(OptionError, match="`context_length` is empty"):
        fastpack.compare(lengths, context_length=[])
    with pytest.raises(OptionError, match="`context_length` must be at least 1"):
        fastpack.compare(lengths, context_length=[8, 0])
    with pytest.raises(OptionTypeError, match="`context_length` must be an integer"):
        fastpack.cuts(lengths, context_length=[8])
    with pytest.raises(OptionError, match="one that is unknown: 'first_fit'"):
        fastpack.compare(lengths, strategies=["first_fit"])
    with pytest.raises(
        OptionTypeError, match="must be a list of names, got 'best_fit'"
    ):
        fastpack.compare(lengths, strategies="best_fit")
    with pytest.raises(DataError, match="`lengths` must be one column, got 2"):
        fastpack.compare(pl.DataFrame({"a": [1], "b": [1]}))
    with pytest.raises(DataError, match="negative length: -1 in row 1"):
        fastpack.compare(np.array([1, -1]))
