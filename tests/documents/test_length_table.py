"""The table of lengths: it grows, and what it has no place for is counted too."""

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fastpack import LengthHistogram
from fastpack.documents.length_table import LengthTable


def test_many_batches_and_a_table_that_grows():
    rng = np.random.default_rng(3)
    lengths = rng.integers(0, 100, 700_000)
    lengths[::100_000] = [2**22, 2**13, 5000, 2**22, 2**21, 2**21 - 1, 2**30]
    histogram = LengthHistogram.from_lengths(pl.Series(lengths))
    distinct, counts = np.unique(lengths, return_counts=True)
    assert np.array_equal(histogram.lengths, distinct)
    assert np.array_equal(histogram.counts, counts)


@given(
    arrays=st.lists(
        st.lists(
            st.one_of(
                st.integers(0, 50),
                st.integers(2**12 - 2, 2**12 + 2),
                st.integers(2**14, 2**14 + 300),
                st.integers(2**21 - 2, 2**21 + 2),
                st.integers(0, 2**40),
            ),
            min_size=1,
            max_size=8,
        ),
        max_size=4,
    ),
    times=st.sampled_from([1, 400]),
    n_groups=st.sampled_from([1, 3, 16]),
)
def test_lengths_beyond_the_table_in_any_order_and_number(arrays, times, n_groups):
    table = LengthTable("n", n_groups)
    expected = Counter()
    for number, lengths in enumerate(arrays):
        # So often that the table grows: what it had no place for before stays counted.
        array = np.repeat(np.array(lengths, np.int64), times)
        groups = np.arange(array.size, dtype=np.int32) % n_groups
        table.add(array, groups if n_groups > 1 else None)
        expected.update((array * n_groups + groups).tolist())
        assert table.n_rows == times * sum(map(len, arrays[: number + 1]))
    keys, counts = table.counted()
    assert keys.tolist() == sorted(expected)
    assert counts.tolist() == [expected[key] for key in sorted(expected)]


def test_more_lengths_beyond_the_table_than_are_held_unsorted():
    lengths = 2**22 + np.arange(300_000) % 1000
    table = LengthTable()
    for part in np.array_split(lengths, 3):
        table.add(part)
    keys, counts = table.counted()
    assert keys.tolist() == list(range(2**22, 2**22 + 1000))
    assert counts.tolist() == [300] * 1000
