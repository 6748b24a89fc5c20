"""Patterns of classes + the chunks that there are -> bins.

A pattern says how many chunks of each class a bin has; a class is a range of items,
which are sizes in ascending order. A chunk of a class, or of a smaller one, is any of
the items up to the largest of the class.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


class Filled(NamedTuple):
    """Bins that were filled, those that are alike together.

    The items of bins of kind k, the largest first, are at ``starts[k]`` and before
    ``starts[k + 1]``, with the times that each of these bins has it; ``uses[k]`` is the
    number of these bins. ``starts[0]`` is 0.
    """

    starts: Int64s
    items: Int32s
    times: Int32s
    uses: Int64s


@kernel
def fitting(sizes: Int64s, item: Integer, room: Integer) -> Integer:
    """Return the largest item up to this one that is no larger than the room, or -1."""
    if item < 0 or sizes[item] <= room:
        return item
    return np.searchsorted(sizes[:item], room, side="right") - 1


@kernel
def last_left(left: Int64s, below: Int64s, item: Integer) -> Integer:
    """Return the largest item up to this one of which chunks are left, or -1.

    O(log(items)), amortized: paths through items of which none are left are cut short.
    """
    found = item
    while found >= 0 and left[found] == 0:
        found = below[found]
    while item != found:
        after = below[item]
        below[item] = found
        item = after
    return found


@kernel
def fill_bins(
    starts: Int64s,
    items: Int32s,
    times: Int32s,
    uses: Int64s,
    largest: Int64s,
    sizes: Int64s,
    most_unused: int,
    left: Int64s,
    filled: Filled,
) -> int:
    """Fill bins by patterns, with the largest chunks that there are.

    A bin is filled as the one before it as long as there are chunks for that.

    Parameters
    ----------
    starts, items, times
        The patterns: the place of the first class of each, the classes, the largest
        first, and how often a bin has each.
    uses
        The number of bins of each; counted down to zero, also if there are too few
        chunks.
    largest
        The largest item of each class, ascending.
    sizes
        The size of each item.
    most_unused
        If the chunks of a bin fall short of the largest ones by more, the pattern is
        used no more.
    left
        The chunks of each item; counted down.
    filled
        Outputs. If they are full, call it again to go on.

    Returns
    -------
    int
        The kinds of bins written.
    """
    n = 0
    # For an item of which none are left, one below it: none are left in between.
    below = np.arange(-1, left.size - 1)
    for pattern in range(starts.size - 1):
        while uses[pattern] > 0:
            if n == filled.uses.size:
                return n
            first = filled.starts[n]
            last = first - 1
            unused = np.int64(0)
            item: Integer = np.int64(left.size - 1)
            for place in range(starts[pattern], starts[pattern + 1]):
                size = sizes[largest[items[place]]]
                for _ in range(times[place]):
                    # The room that the chunks before left is for this one, too.
                    unused += size
                    item = last_left(left, below, fitting(sizes, item, unused))
                    is_in_bin = last >= first and filled.items[last] == item
                    if is_in_bin and left[item] == filled.times[last]:
                        item = last_left(left, below, item - 1)
                        is_in_bin = False
                    if item < 0:
                        continue
                    if not is_in_bin:
                        last += 1
                        if last == filled.items.size:
                            return n
                        filled.items[last] = item
                        filled.times[last] = 0
                    filled.times[last] += 1
                    unused -= sizes[item]
            if last < first or unused > most_unused:
                uses[pattern] = 0
                break
            bins = uses[pattern]
            for place in range(first, last + 1):
                bins = min(bins, left[filled.items[place]] // filled.times[place])
            for place in range(first, last + 1):
                left[filled.items[place]] -= bins * filled.times[place]
            uses[pattern] -= bins
            filled.uses[n] = bins
            n += 1
            filled.starts[n] = last + 1
    return n
