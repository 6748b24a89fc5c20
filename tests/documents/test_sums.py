"""Sums are exact, beyond Int64 too."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastpack.documents.histogram import exact_sum, merge_counts


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(1, 2**62)), max_size=20))
def test_exact_sum(pairs):
    values = np.array([value for value, _ in pairs], np.int64)
    counts = np.array([count for _, count in pairs], np.int64)
    assert exact_sum(values, counts) == sum(value * count for value, count in pairs)
    assert exact_sum(values) == sum(value for value, _ in pairs)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5)), max_size=40))
def test_merge_counts_dense_and_sorted_agree(pairs):
    lengths = np.array([length for length, _ in pairs], np.int64)
    counts = np.array([count for _, count in pairs], np.int64)
    dense = merge_counts(lengths, counts)
    by_sorting = merge_counts(lengths * 10_000, counts)
    assert (dense[0] * 10_000).tolist() == by_sorting[0].tolist()
    assert dense[1].tolist() == by_sorting[1].tolist()
