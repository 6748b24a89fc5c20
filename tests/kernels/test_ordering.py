"""Ordering: the chunks of each bin, in the order of their offsets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import ordering


def in_order(bins, offsets):
    """Sort in plain Python."""
    rows = [row for row, number in enumerate(bins) if number >= 0]
    return sorted(rows, key=lambda row: (bins[row], offsets[row], row))


@given(
    chunks=st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 40)), max_size=60),
    dtype=st.sampled_from([np.int32, np.int64]),
    digit_bits=st.sampled_from([3, 4, 16]),
)
def test_chunks_are_ordered_by_bin_and_offset(chunks, dtype, digit_bits):
    bins = np.array([number for number, _ in chunks], dtype)
    offsets = np.array([offset for _, offset in chunks], np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "DIGIT_BITS", digit_bits)
        first, rows = ordering.order_by_bin(bins, offsets, 10, 41)
    assert rows.tolist() == in_order(bins.tolist(), offsets.tolist())
    counts = [bins.tolist().count(number) for number in range(10)]
    assert np.diff(first).tolist() == counts
    assert first[0] == 0


def test_offsets_of_two_digits():
    offsets = np.array([2**31 - 2, 5, 2**16, 2**30, 2**16 - 1, 0], np.int32)
    bins = np.zeros(6, np.int64)
    first, rows = ordering.order_by_bin(bins, offsets, 1, 2**31 - 1)
    assert offsets[rows].tolist() == sorted(offsets.tolist())
    assert first.tolist() == [0, 6]


def test_no_chunks():
    none = np.empty(0, np.int64)
    first, rows = ordering.order_by_bin(none, none.astype(np.int32), 0, 1)
    assert (first.tolist(), rows.tolist()) == ([0], [])
