"""Knots: prices as a piecewise linear function of the size.

With a price for each size, the linear program has a row for each, and takes long to
settle: thousands of prices are determined by chunks that are worth little. Prices are
hardly ever rugged, so a function that is linear between some sizes, the knots, is
nearly as good, and it has few rows. Any such function proves a bound; how good it is is
a question of the knots: of normal(0.3 L, 0.05 L) at L = 2048, the bound is 0.03 % below
the relaxation with 60 knots, and 0.002 % with 350.

The other way round, a chunk between two knots counts as a part of each: for a size w
between the knots a and b, ``(b - w) / (b - a)`` of a and the rest of b.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem

Floats = npt.NDArray[np.float64]

_PARTS = 8
"""Prices jump where one chunk more fits a bin: at L / 2, L / 3 ..., beside these, and
beside the smallest chunks."""


class Knots(NamedTuple):
    """Some of the sizes, the smallest and the largest among them.

    Parameters
    ----------
    items
        The items that are knots, ascending.
    below
        For each item, the number of the last knot that is not above it.
    share
        The part of it that counts as the knot after that one: 0 up to below 1.
    """

    items: Int64Array
    below: Int64Array
    share: Floats

    @classmethod
    def spread(cls, problem: Problem, n_knots: int) -> "Knots":
        """Choose about `n_knots`, at equal distances and where prices jump."""
        sizes = problem.sizes
        if sizes.size <= n_knots:
            items = np.arange(sizes.size)
        else:
            steps = np.linspace(sizes[0], sizes[-1], n_knots)
            capacity, numbers = problem.capacity, np.arange(1, _PARTS)
            parts = np.append(capacity // numbers, numbers * sizes[0])
            jumps = np.concatenate([parts, capacity - parts]) + 1
            first_above = np.searchsorted(sizes, jumps)
            items = np.concatenate(
                [np.searchsorted(sizes, steps), first_above - 1, first_above]
            )
            items = np.unique(np.clip(items, 0, sizes.size - 1))
        at = sizes[items]
        below = np.searchsorted(at, sizes, side="right") - 1
        after = np.minimum(below + 1, items.size - 1)
        share = (sizes - at[below]) / np.maximum(at[after] - at[below], 1)
        return cls(items, below, share)

    @property
    def number(self) -> int:
        """How many knots there are."""
        return self.items.size

    def gather(self, counts: Int64Array) -> Floats:
        """Return the chunks that each knot counts."""
        gathered = np.zeros(self.number + 1)
        np.add.at(gathered, self.below, counts * (1 - self.share))
        np.add.at(gathered, self.below + 1, counts * self.share)
        return gathered[:-1]

    def expand(self, values: Floats) -> Floats:
        """Return the value of each item, by those of the knots."""
        after = np.minimum(self.below + 1, self.number - 1)
        return values[self.below] * (1 - self.share) + values[after] * self.share

    def columns(self, patterns: Patterns) -> tuple[Int64Array, Int64Array, Floats]:
        """Return what each pattern has of each knot, as a sparse matrix by columns.

        The place of the first entry of each column; the row and value of each entry.
        """
        knot = patterns.owners() * self.number + self.below[patterns.items]
        share = self.share[patterns.items]
        is_between = share > 0
        entries, place = np.unique(
            np.concatenate([knot, knot[is_between] + 1]), return_inverse=True
        )
        values = np.concatenate(
            [patterns.times * (1 - share), (patterns.times * share)[is_between]]
        )
        columns, rows = np.divmod(entries, self.number)
        starts = np.searchsorted(columns, np.arange(patterns.number))
        sums = np.zeros(entries.size)
        np.add.at(sums, place, values)
        return starts, rows, sums
