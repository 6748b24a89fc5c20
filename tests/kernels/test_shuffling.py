"""Shuffling: bins get other numbers, each one its own."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import LengthHistogram
from fastpack.kernels.shuffling import round_keys, shuffle_bins


def web_lengths(n):
    rng = np.random.default_rng(9)
    lengths = rng.lognormal(np.log(600) - 1.25**2 / 2, 1.25, n)
    return np.clip(lengths, 1, 2**31 - 1).astype(np.int32)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_shuffled_bins_are_not_sorted_by_length(seed):
    lengths = web_lengths(1_000_000)
    plain = fastpack.pack(lengths, context_length=2048)
    shuffled = fastpack.pack(lengths, context_length=2048, shuffle_seed=seed)

    def correlation(table):
        means = table.group_by("bin").agg(pl.col("chunk_length").mean())
        return means.select(pl.corr("bin", "chunk_length")).item()

    assert correlation(plain) < -0.85
    assert abs(correlation(shuffled)) < 0.01
    # The same bins under other numbers.
    both = pl.DataFrame({"plain": plain["bin"], "shuffled": shuffled["bin"]}).unique()
    assert both.height == both["plain"].n_unique() == both["shuffled"].n_unique()
    assert both["shuffled"].max() == both.height - 1
    assert shuffled.drop("bin").equals(plain.drop("bin"))


@given(st.integers(1, 5000), st.integers(0, 2**64 - 1))
def test_the_shuffle_is_a_bijection(n, seed):
    bins = np.arange(n)
    shuffle_bins(bins, n, round_keys(seed))
    assert sorted(bins) == list(range(n))


def plain_shuffle(x, n, keys):
    """The same construction in Python's integers."""
    bits = next(bits for bits in range(64) if 4**bits >= n)
    low_size = 2**bits
    high_size = -(-n // low_size)

    def keyed(value, key, size):
        z = (value + key) % 2**32 * 0xBF58476D
        z = (z ^ z >> 32) % 2**32 * 0x94D049BB % 2**32
        return z * size >> 32

    while True:
        high, low = divmod(x, low_size)
        for even, odd in zip(keys[::2], keys[1::2], strict=True):
            high = (high + keyed(low, even, high_size)) % high_size
            low = (low + keyed(high, odd, low_size)) % low_size
        x = high * low_size + low
        if x < n:
            return x


@given(st.integers(1, 2**62), st.data())
def test_the_shuffle_is_the_construction_that_is_stated(n, data):
    bins = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5))
    keys = round_keys(data.draw(st.integers(0, 2**64 - 1)))
    shuffled = np.array([-1, *bins, -1])
    shuffle_bins(shuffled, n, keys)
    expected = [plain_shuffle(x, n, keys.tolist()) for x in bins]
    assert shuffled.tolist() == [-1, *expected, -1]


def test_the_shuffle_never_changes():
    table = fastpack.pack(np.full(9, 8), context_length=8, shuffle_seed=42)
    assert table["bin"].to_list() == [1, 3, 7, 8, 5, 4, 0, 6, 2]


def test_more_bins_than_two_to_the_62():
    histogram = LengthHistogram([1], [2**62 + 1])
    plan = fastpack.plan(histogram, context_length=1, shuffle_seed=0)
    assert plan.assign(np.array([1, 1]))["bin"].n_unique() == 2
