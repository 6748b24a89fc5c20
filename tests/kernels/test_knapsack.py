"""The knapsack: the best patterns, beside a plain recursion."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack import kernels
from fastpack.packing.optimal.knapsack import Knapsack
from fastpack.packing.optimal.problem import Problem


def most(sizes, prices, capacity, max_chunks):
    """The most valuable pattern, by trying each size zero times or once more."""

    @functools.cache
    def worth(i, space, chunks):
        if i < 0:
            return 0
        without = worth(i - 1, space, chunks)
        if sizes[i] > space or chunks == 0:
            return without
        return max(without, prices[i] + worth(i, space - sizes[i], chunks - 1))

    return worth(len(sizes) - 1, capacity, max_chunks)


@st.composite
def knapsacks(draw):
    capacity = draw(st.integers(1, 200))
    sizes = sorted(draw(st.sets(st.integers(1, capacity), min_size=1, max_size=8)))
    prices = [draw(st.integers(0, 60)) for _ in sizes]
    max_chunks = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 13, 2**31 - 1]))
    return sizes, prices, capacity, max_chunks


@given(knapsacks())
def test_as_a_recursion_finds_it(knapsack):
    sizes, prices, capacity, max_chunks = knapsack
    counts = np.ones(len(sizes), np.int64)
    problem = Problem(np.array(sizes), counts, capacity, max_chunks)
    values = np.array(prices)
    knapsack = Knapsack(problem)
    proven = knapsack.fill(values)
    assert proven.most == most(sizes, prices, capacity, max_chunks)
    assert proven.total == sum(prices)
    if proven.most:
        assert proven.bound == -(-sum(prices) // proven.most)
    patterns = knapsack.patterns(values, len(sizes))
    best_with = [
        price + most(sizes, prices, capacity - size, max_chunks - 1)
        for size, price in zip(sizes, prices, strict=True)
    ]
    worth = patterns.worth(values)
    assert set(worth.tolist()) == set(best_with)
    assert set(patterns.items.tolist()) == set(range(len(sizes)))
    for start, end in zip(patterns.starts[:-1], patterns.starts[1:], strict=True):
        items, times = patterns.items[start:end], patterns.times[start:end]
        assert np.all(np.diff(items) < 0)
        assert np.all(times > 0)
        assert times.sum() <= max_chunks
        assert problem.sizes[items] @ times <= capacity


@given(knapsacks(), st.data())
def test_items_of_one_size_count_once(knapsack, data):
    sizes, _, capacity, max_chunks = knapsack
    items = sorted(data.draw(st.lists(st.sampled_from(sizes), min_size=1, max_size=9)))
    values = np.array([data.draw(st.integers(0, 60)) for _ in items])
    highest = dict(sorted(zip(items, values.tolist(), strict=True)))
    counts = np.ones(len(items), np.int64)
    knapsack = Knapsack(Problem(np.array(items), counts, capacity, max_chunks))
    proven = knapsack.fill(values)
    assert proven.total == values.sum()
    assert proven.most == most(
        list(highest), list(highest.values()), capacity, max_chunks
    )
    patterns = knapsack.patterns(values, len(items))
    assert patterns.number <= len(highest)
    assert max(patterns.worth(values)) == proven.most
    assert max(patterns.worth(np.array(items))) <= capacity


def test_rows_of_many_chunks_are_doubled():
    sizes, counts = np.arange(1, 500), np.ones(499, np.int64)
    rows = Problem(sizes, counts, 500, 65).rows
    one = kernels.knapsack.ONE
    assert rows == [one, 0, 1, 2, 3, 4, 5]  # 1, 2, 4, 8 ... 64 chunks
    few = Problem(sizes[::50], counts[::50], 500, 65).rows
    assert few == [one] + [0] * 63  # each step is one of few sizes
    assert Problem(sizes, counts, 500, 500).rows == [kernels.knapsack.UNLIMITED]
    assert Problem(sizes, counts, 500, 1).rows == [kernels.knapsack.NONE]


@pytest.mark.slow
@pytest.mark.parametrize("max_chunks", [3, 64, 2**31 - 1])
def test_long_rows(max_chunks):
    rng = np.random.default_rng(3)
    sizes = np.unique(rng.integers(2100, 9000, 300))
    values = sizes * 1000 + rng.integers(0, 3000, sizes.size)
    problem = Problem(sizes, np.ones_like(sizes), 10_000, max_chunks)
    proven = Knapsack(problem).fill(values)
    expected = np.zeros(10_001, np.int64)
    for _ in range(min(max_chunks, 4)):  # four are as many as fit
        before = expected.copy()
        for size, value in zip(sizes, values, strict=True):
            expected[size:] = np.maximum(expected[size:], before[:-size] + value)
    assert proven.most == expected[-1]
