"""Histograms of groups: they add up, and have bounds."""

import polars as pl
import pytest

import fastpack
from fastpack import DataError, DataTypeError, GroupedHistogram, LengthHistogram


def test_histograms_of_groups():
    frame = pl.DataFrame({"g": [1, 0, 1], "n_tokens": [3, 4, 5]})
    options = {"context_length": 8, "by": "g"}
    plan = fastpack.plan(frame, **options)
    histogram = plan.histogram
    both = histogram + fastpack.plan(frame.with_columns(g=2), **options).histogram
    assert (both.n_documents, both.n_tokens) == (6, 24)
    assert both.groups["g"].to_list() == [0, 1, 2]
    assert fastpack.plan(both, **options).n_bins == 4
    assert "GroupedHistogram(n_documents=3, n_tokens=12, groups 2" in repr(histogram)
    with pytest.raises(fastpack.OptionTypeError, match="must be a LengthHistogram"):
        fastpack.plan(histogram, context_length=8)
    with pytest.raises(fastpack.OptionTypeError, match="must be a GroupedHistogram"):
        fastpack.plan(LengthHistogram([3], [1]), **options)
    with pytest.raises(fastpack.OptionError, match="has the groups of"):
        fastpack.plan(histogram, context_length=8, by="h")
    with pytest.raises(DataError, match="distinct and ascending"):
        GroupedHistogram(histogram.groups[::-1], histogram.histograms)
    with pytest.raises(DataError, match="a group that was not planned"):
        plan.assign(pl.DataFrame({"g": [7], "n_tokens": [3]}))
    large = pl.DataFrame({"g": [1, 1], "n_tokens": [3, 2**62]})
    with pytest.raises(DataError, match=r"a length too large to count: .* in row 1"):
        fastpack.plan(large, **options)
    negative = pl.DataFrame({"g": [1, 1], "n_tokens": [3, -2]})
    with pytest.raises(DataError, match="a negative length: -2 in row 1"):
        fastpack.plan(negative, **options)


def test_totals_over_groups():
    groups = pl.DataFrame({"g": [0, 1, 2]})
    with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 documents"):
        GroupedHistogram(groups, [LengthHistogram([1], [2**62])] * 3)
    with pytest.raises(DataError, match="a histogram of documents for each"):
        GroupedHistogram(groups[:1], [LengthHistogram([], [])])
    with pytest.raises(DataTypeError, match="cannot tell groups apart"):
        GroupedHistogram(groups[:1].cast(pl.Float64), [LengthHistogram([1], [1])])
    small = GroupedHistogram(groups[:1].cast(pl.Int8), [LengthHistogram([1], [2**44])])
    options = {"context_length": 2**20, "max_documents": 1, "by": "g"}
    plan = fastpack.plan(small, **options)
    assert plan.groups["padding"].sum() == plan.padding > 2**63
    assert plan.as_dict()["groups"][0]["padding"] == plan.padding
    frame = pl.DataFrame({"g": ["a", "b", "b"], "n_tokens": [9, 99, 100]})
    with pytest.raises(
        DataError, match=r"3 documents are longer .* longest 100 tokens"
    ):
        fastpack.plan(frame, context_length=8, by="g", long_documents="error")


def test_lengths_of_many_bits_and_groups_that_come_later(small_batches):
    small_batches(batch=8)
    for n_bits, refused in ((41, False), (43, True), (54, True)):
        frame = pl.DataFrame(
            {
                "g": [0] * 8 + list(range(1024)),
                "n_tokens": [5] * 7 + [2**n_bits] + [5] * 1024,
            }
        )
        rules = {"context_length": 8, "by": "g", "long_documents": "drop"}
        if refused:
            for data in (frame, frame.lazy()):
                with pytest.raises(DataError, match="too large to count"):
                    fastpack.pack(data, **rules).lazy().collect()
        else:
            whole = fastpack.pack(frame, **rules)
            assert fastpack.pack(frame.lazy(), **rules).collect().equals(whole)
            assert fastpack.plan(frame, **rules).dropped == 2**n_bits
