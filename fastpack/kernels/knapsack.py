"""Knapsack: prices of sizes -> the best patterns, exact, by dynamic programming.

A pattern is a bin: how often it has each size. ``best[row, c]`` is the most that
prices add up to in a part of a bin of capacity c. If a bin may have any number of
chunks, there is one row::

    best[0, c] = max(best[0, c - 1], best[0, c - sizes[i]] + prices[i] for all i)

If it may have m at most, the last row is that of at most m - 1 chunks, and the last one
comes on top. The first row is that of one chunk; each further row joins two::

    best[row, c] = max(best[row - 1, c - a] + best[other, a] for all a up to c)

where the other is the row before, too, or the first: doubled, or one more. 64 chunks
take 11 rows. ``others[row]`` tells the other row, or `UNLIMITED`, `ONE` or `NONE`.

All numbers are integers: the maximum is exact, and what is divided by it a proof. The
inner loop adds a number to a piece of a row and takes the larger values: the processor
does four at a time. One row takes 0.25 ms at a capacity of 2,048, 6 ms at 8,192, 60 ms
at 32,768, with as many sizes as normal(0.3 L, 0.05 L) has.
"""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

NONE, ONE, UNLIMITED = -3, -2, -1
"""The kinds of a row that joins no others: of how many chunks it is."""

LONG_PIECE = 2048
"""The most of a row that is computed at a time: it stays in the nearest cache."""

SHORT_PIECE = 64
"""The least: smaller sizes are looked at for one capacity after the other."""


@kernel
def raise_to(row: Int64s, below: Int64s, value: Integer) -> None:
    """Raise a piece of a row to another piece plus a value, where that is more."""
    for c in range(row.size):
        other = below[c] + value
        row[c] = other if other > row[c] else row[c]  # noqa: FURB136 -- four at a time


@kernel
def fill_one(row: Int64s, sizes: Int64s, prices: Int64s) -> None:
    """Fill the row of at most one chunk. O(capacity)."""
    row[:] = 0
    i = 0
    for c in range(1, row.size):
        row[c] = row[c - 1]
        while i < sizes.size and sizes[i] == c:
            row[c] = max(row[c], prices[i])
            i += 1


@kernel
def fill_unlimited(row: Int64s, sizes: Int64s, prices: Int64s) -> None:
    """Fill the row of any number of chunks. O(capacity * sizes).

    Within a piece that is no longer than the smallest size, no capacity looks at
    another one.
    """
    row[:] = 0
    length = min(max(sizes[0], SHORT_PIECE), LONG_PIECE)
    n_small = np.searchsorted(sizes, length)
    start = 1
    while start < row.size:
        end = min(start + length, row.size)
        for i in range(n_small, sizes.size):
            first = max(start, sizes[i])
            if first >= end:
                break
            raise_to(row[first:end], row[first - sizes[i] : end - sizes[i]], prices[i])
        for c in range(start, end):
            value = max(row[c], row[c - 1])
            for i in range(n_small):
                if sizes[i] > c:
                    break
                value = max(value, row[c - sizes[i]] + prices[i])
            row[c] = value
        start = end


@kernel
def fill_joined(row: Int64s, before: Int64s, other: Int64s) -> None:
    """Fill a row that joins two. O(capacity * capacity)."""
    row[:] = before
    for a in range(1, row.size):
        if other[a] > other[a - 1]:
            raise_to(row[a:], before[: row.size - a], other[a])


@kernel
def fill(
    best: npt.NDArray[np.int64], others: Int64s, sizes: Int64s, prices: Int64s
) -> None:
    """Compute what is best in every part of a bin.

    Parameters
    ----------
    best
        Filled: shape (rows, capacity + 1), as the docstring of this module says.
    others
        What the rows are made of.
    sizes, prices
        The sizes, ascending, none above the capacity, and the price of each, not
        negative.
    """
    for row in range(others.size):
        if others[row] >= 0:
            fill_joined(best[row], best[row - 1], best[others[row]])
        elif others[row] == UNLIMITED:
            fill_unlimited(best[row], sizes, prices)
        elif others[row] == ONE:
            fill_one(best[row], sizes, prices)
        else:
            best[row] = 0


@kernel
def add_item(items: Int32s, times: Int32s, item: Integer) -> None:
    """Add a chunk of a size to a pattern, whose sizes are descending."""
    place = 0
    while times[place] > 0 and items[place] > item:
        place += 1
    if times[place] > 0 and items[place] != item:
        last = place
        while times[last] > 0:
            last += 1
        while last > place:
            items[last] = items[last - 1]
            times[last] = times[last - 1]
            last -= 1
        times[place] = 0
    items[place] = item
    times[place] += 1


@kernel
def complete(
    best: npt.NDArray[np.int64],
    others: Int64s,
    sizes: Int64s,
    prices: Int64s,
    firsts: Int64s,
    items: npt.NDArray[np.int32],
    times: npt.NDArray[np.int32],
) -> None:
    """Find, for each of some sizes, the best pattern that has it.

    Parameters
    ----------
    best, others, sizes, prices
        As `fill` left them.
    firsts
        The numbers of these sizes.
    items, times
        Zeros; filled, a row a pattern: the numbers of its sizes, the largest size
        first, and how often it has each. A column more than a pattern can have sizes.
    """
    # What is still to be taken apart: a part of a bin, and the row that tells its best.
    rows = np.zeros(others.size + 1, np.int64)
    parts = np.zeros(others.size + 1, np.int64)
    for pattern in range(firsts.size):
        add_item(items[pattern], times[pattern], firsts[pattern])
        rows[0] = others.size - 1
        parts[0] = best.shape[1] - 1 - sizes[firsts[pattern]]
        n_parts = 1
        largest = sizes.size - 1
        while n_parts > 0:
            row = rows[n_parts - 1]
            c = parts[n_parts - 1]
            n_parts -= 1
            if best[row, c] == 0:
                continue
            while best[row, c - 1] == best[row, c]:
                c -= 1  # as much in less
            if others[row] >= 0:
                other = others[row]
                a = c
                while best[other, a] + best[row - 1, c - a] != best[row, c]:
                    a -= 1
                rows[n_parts] = row - 1
                parts[n_parts] = c - a
                rows[n_parts + 1] = other
                parts[n_parts + 1] = a
                n_parts += 2
            elif others[row] == ONE:
                item = np.searchsorted(sizes, c)
                while prices[item] != best[row, c]:
                    item += 1
                add_item(items[pattern], times[pattern], item)
            else:
                # What is the largest size in some best pattern is so in the rest, too.
                while (
                    sizes[largest] > c
                    or best[row, c - sizes[largest]] + prices[largest] != best[row, c]
                ):
                    largest -= 1
                add_item(items[pattern], times[pattern], largest)
                rows[n_parts] = row
                parts[n_parts] = c - sizes[largest]
                n_parts += 1
