"""Knapsack: the most valuable patterns by prices, and what prices prove, in integers.

If no bin is worth more than `most`, then all chunks, worth `total`, need
``total / most`` bins, rounded up (a dual feasible function: Lueker, "Bin packing with
items uniformly distributed over intervals [a, b]", 1983). Whoever doubts it computes
the knapsack.
"""

from typing import NamedTuple

import numpy as np

from fastpack import kernels
from fastpack.documents.sums import Int64Array, exact_sum
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem

PRICE_UNIT = 2**30
"""What a bin is worth, about: prices are integers, and rounded down."""


class Prices(NamedTuple):
    """A price for each item, and what it proves.

    Parameters
    ----------
    values
        The prices, none negative.
    total
        The worth of all chunks.
    most
        The worth of the most valuable pattern.
    """

    values: Int64Array
    total: int
    most: int

    @property
    def bins(self) -> float:
        """The number of bins that is proven, as a fraction."""
        return self.total / self.most if self.most else 0.0

    @property
    def bound(self) -> int:
        """The number of bins that is proven to be needed."""
        return -(-self.total // self.most) if self.most else 0


class Knapsack:
    """The most valuable patterns of a problem, by prices.

    Parameters
    ----------
    problem
        The sizes.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._sizes, self._first = np.unique(problem.sizes, return_index=True)
        self._others = np.array(problem.rows)
        shape = (self._others.size, problem.capacity + 1)
        self._best = np.empty(shape, np.int64)

    def fill(self, values: Int64Array) -> Prices:
        """Find what patterns are worth, by the prices of items."""
        prices = self._by_size(values)
        kernels.knapsack.fill(self._best, self._others, self._sizes, prices)
        total = exact_sum(values, self.problem.counts)
        return Prices(values, total, int(self._worth(prices).max()))

    def patterns(self, values: Int64Array, number: int) -> Patterns:
        """Return the most valuable pattern that has a size of each of `number` parts.

        The parts are neighbouring sizes; the prices are those it was filled with.
        """
        prices, sizes = self._by_size(values), self._sizes
        edges = np.linspace(0, sizes.size, number, endpoint=False)
        starts = np.unique(edges.astype(np.int64))
        worth = self._worth(prices)
        most = np.maximum.reduceat(worth, starts)
        lengths = np.diff(starts, append=sizes.size)
        is_most = np.flatnonzero(worth == np.repeat(most, lengths))
        firsts = is_most[np.searchsorted(is_most, starts)]
        shape = (firsts.size, self.problem.depth + 1)
        items, times = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        kernels.knapsack.complete(
            self._best, self._others, sizes, prices, firsts, items, times
        )
        found = Patterns.of_table(items, times)
        return found.renumbered(self._dearest(values, prices))

    def _by_size(self, values: Int64Array) -> Int64Array:
        """Return the price of each distinct size: of items of one size, the highest."""
        if self._first.size == values.size:
            return values
        return np.maximum.reduceat(values, self._first)

    def _dearest(self, values: Int64Array, prices: Int64Array) -> Int64Array:
        """Return the first item of each distinct size that has its price."""
        lengths = np.diff(self._first, append=values.size)
        is_dearest = np.flatnonzero(values == np.repeat(prices, lengths))
        return is_dearest[np.searchsorted(is_dearest, self._first)]

    def _worth(self, prices: Int64Array) -> Int64Array:
        """Return the worth of the most valuable pattern with each distinct size."""
        rest: Int64Array = self._best[-1, self.problem.capacity - self._sizes]
        return prices + rest
