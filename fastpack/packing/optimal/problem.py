"""Problem: the sizes that are to be packed, and how many chunks have each."""

from math import isqrt
from typing import NamedTuple

import numpy as np

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks

_MAX_CAPACITY = 1 << 16
"""A larger capacity is counted in units of several tokens."""

_MAX_WORK = 1 << 32
"""Of a knapsack, its rows times the square of its capacity: about a second."""

_COARSE_CAPACITY = 1 << 14
"""Enough for the first packings: a knapsack takes a sixteenth of that time."""


class Problem(NamedTuple):
    """Sizes that are to be packed.

    Parameters
    ----------
    sizes, counts
        The sizes, ascending and at least 1, and the number of chunks of each.
    capacity
        The capacity of a bin.
    max_chunks
        The most chunks in a bin.
    fine_units
        The number of the finest units that are counted as one.
    """

    sizes: Int64Array
    counts: Int64Array
    capacity: int
    max_chunks: int
    fine_units: int = 1

    @classmethod
    def of_chunks(cls, chunks: Chunks, options: PackingOptions) -> "Problem":
        """Return the distinct footprints of chunks, of which there are some.

        They are multiples of `align`, or of more: it is taken out, of the capacity too.
        """
        footprints = options.footprints(chunks.lengths[::-1])
        sizes, first = np.unique(footprints, return_index=True)
        divisor = int(np.gcd.reduce(sizes))
        return cls(
            sizes // divisor,
            np.add.reduceat(chunks.counts[::-1], first),
            options.context_length // divisor,
            options.max_chunks_per_bin,
        )

    @property
    def rows(self) -> list[int]:
        """The rows that its knapsack needs: `others` of `fastpack.kernels.knapsack`."""
        if self.capacity // int(self.sizes[0]) <= self.max_chunks:
            return [kernels.knapsack.UNLIMITED]
        if self.max_chunks == 1:
            return [kernels.knapsack.NONE]
        # One more chunk takes a step for each size, twice as many for each capacity.
        one_more = [kernels.knapsack.ONE] + [0] * (self.max_chunks - 2)
        doubled = [kernels.knapsack.ONE]
        for bit in f"{self.max_chunks - 1:b}"[1:]:
            doubled.append(len(doubled) - 1)
            if bit == "1":
                doubled.append(0)
        n_sizes = self.sizes.size
        if len(one_more) * n_sizes <= len(doubled) * self.capacity // 2:
            return one_more
        return doubled

    @property
    def fine_unit(self) -> int:
        """The tokens that the finest knapsack counts as one: in small bins, 1."""
        most = min(_MAX_CAPACITY, isqrt(_MAX_WORK // len(self.rows)))
        return -(-self.capacity // most)

    @property
    def unit(self) -> int:
        """The tokens that are counted as one."""
        return self.fine_units * self.fine_unit

    @property
    def depth(self) -> int:
        """The most different sizes in a pattern."""
        end = np.searchsorted(np.cumsum(self.sizes), self.capacity, side="right")
        return min(int(end), self.max_chunks)

    def coarse(self) -> "Problem":
        """Return the problem in units that make knapsacks fast."""
        fine_capacity = self.capacity // self.fine_unit
        return self._replace(fine_units=-(-fine_capacity // _COARSE_CAPACITY))

    def rounded_down(self) -> "Problem":
        """Return the sizes in units, rounded down: a bound for them is one for these.

        Chunks fit together as before, and perhaps more. Sizes below a unit are left
        out, the first ones. In units that are multiples of finer ones, no more than
        that is proven.
        """
        unit = self.unit
        if unit == 1:
            return self
        first = int(np.searchsorted(self.sizes, unit))
        return Problem(
            self.sizes[first:] // unit,
            self.counts[first:],
            self.capacity // unit,
            self.max_chunks,
        )

    def merged(self, largest: Int64Array) -> "Problem":
        """Return the classes that end at these items, as sizes in units, rounded up.

        What fits together fits together still with the smaller ones of each class.
        """
        first = np.append(0, largest[:-1] + 1)
        return Problem(
            self.rounded_up(self.sizes[largest], self.unit),
            np.add.reduceat(self.counts, first),
            self.capacity // self.unit,
            self.max_chunks,
        )

    def rounded_up(self, sizes: Int64Array, unit: int) -> Int64Array:
        """Return sizes in units, rounded up; a size that fits alone fits still."""
        return np.minimum(-(-sizes // unit), self.capacity // unit)

    def take(self, items: Int64Array, counts: Int64Array) -> "Problem":
        """Return some of the items, with other counts."""
        return self._replace(sizes=self.sizes[items], counts=counts)
