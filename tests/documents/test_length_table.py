"""The table of lengths: it grows, and what it has no place for is counted too."""

import numpy as np
import polars as pl

from fastpack import LengthHistogram


def test_many_batches_and_a_table_that_grows():
    rng = np.random.default_rng(3)
    lengths = rng.integers(0, 100, 700_000)
    lengths[::100_000] = [2**22, 2**13, 5000, 2**22, 2**21, 2**21 - 1, 2**30]
    histogram = LengthHistogram.from_lengths(pl.Series(lengths))
    distinct, counts = np.unique(lengths, return_counts=True)
    assert np.array_equal(histogram.lengths, distinct)
    assert np.array_equal(histogram.counts, counts)
