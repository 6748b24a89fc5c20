"""Histograms: what is counted, and what cannot be."""

import pickle

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack import DataError, DataTypeError, LengthHistogram

lengths_of_all_sizes = st.lists(
    st.one_of(
        st.integers(0, 50),
        st.integers(2**12 - 2, 2**12 + 2),
        st.integers(2**21 - 2, 2**21 + 2),
        st.integers(0, 2**50),
    ),
    max_size=60,
)


def expected(lengths):
    return np.unique(np.array(lengths, np.int64), return_counts=True)


@given(lengths_of_all_sizes)
def test_counts(lengths):
    histogram = LengthHistogram.from_lengths(np.array(lengths, np.int64))
    distinct, counts = expected(lengths)
    assert histogram.lengths.tolist() == distinct.tolist()
    assert histogram.counts.tolist() == counts.tolist()
    assert histogram.n_documents == len(lengths)
    assert histogram.n_tokens == sum(lengths)


@given(lengths_of_all_sizes, lengths_of_all_sizes)
def test_histograms_of_parts_add_up(one, other):
    parts = [
        LengthHistogram.from_lengths(np.array(part, np.int64)) for part in (one, other)
    ]
    whole = LengthHistogram.from_lengths(np.array(one + other, np.int64))
    assert parts[0] + parts[1] == whole
    assert parts[1] + parts[0] == whole


def test_first_negative_length_is_named():
    lengths = np.ones(600_000, np.int32)
    lengths[[500_000, 550_000]] = -3
    with pytest.raises(DataError, match="negative length: -3 in row 500,000"):
        LengthHistogram.from_lengths(pl.Series("n", lengths))


def test_numbers_beyond_int64():
    with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 tokens"):
        LengthHistogram([2**62], [2])
    with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 documents"):
        LengthHistogram([0, 1], [2**62, 2**62])
    with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 tokens"):
        LengthHistogram.from_lengths(np.array([2**62, 2**62]))
    assert LengthHistogram([2**63 - 1], [1]).n_tokens == 2**63 - 1


@pytest.mark.parametrize(
    ("lengths", "counts", "message"),
    [
        ([1, 2], [1], "same shape"),
        ([2, 1], [1, 1], "ascending"),
        ([1, 1], [1, 1], "ascending"),
        ([-1, 1], [1, 1], "not negative"),
        ([1, 2], [1, 0], "`counts` must be at least 1, got 0"),
    ],
)
def test_bad_values(lengths, counts, message):
    with pytest.raises(DataError, match=message):
        LengthHistogram(lengths, counts)


def test_sums_of_histograms_beyond_int64():
    for histogram in (
        LengthHistogram([0], [2**62]),
        LengthHistogram([0, 1000], [2**62, 1]),
    ):
        with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 documents"):
            histogram + histogram
    with pytest.raises(DataError, match="Int64 cannot hold: 18446744073709551615"):
        LengthHistogram([1], np.array([2**64 - 1], np.uint64))


@pytest.mark.parametrize(
    "values",
    [[1.5], [[1]], ["a"], 7, [[1], [2, 3]], np.ma.array([1], mask=[True])],
    ids=str,
)
def test_bad_types(values):
    with pytest.raises(DataTypeError, match="1-D array of integers"):
        LengthHistogram(values, [1])


def test_its_manners():
    histogram = LengthHistogram([3, 8], [2, 1])
    assert repr(histogram) == (
        "LengthHistogram(n_documents=3, n_tokens=14, distinct lengths 2, 3 to 8 tokens)"
    )
    assert histogram.to_frame().rows() == [(3, 2), (8, 1)]
    copy = pickle.loads(pickle.dumps(histogram))
    assert copy == histogram
    assert not copy.counts.flags.writeable
    assert histogram != 5
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 7
    with pytest.raises(TypeError):
        histogram + 5
    with pytest.raises(TypeError):
        hash(histogram)


def test_the_sum_of_histograms():
    parts = [LengthHistogram.from_lengths([3, 4]), LengthHistogram.from_lengths([4])]
    assert sum(parts) == parts[0] + parts[1]
    with pytest.raises(TypeError):
        sum(parts, start=1)
