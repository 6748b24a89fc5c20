"""Numbering: bins -> whether their numbers are those that the rules give.

`renumber` tells again, for the verifier, the bijection that kernels.shuffling computes:
if it were shared, a mistake there would undo itself here. Numbers below n are pairs
``high << bits | low`` of Z_a x Z_b, where b = 2**bits is the least power of two with
b * b >= n, and a the least number with a * b >= n. The rounds, in turns, add to `high`
a keyed function of `low`, modulo a, and to `low` one of `high`, modulo b; a result of n
or more goes through them again.

One number after the other, 25 ns each.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

ZERO, ONE, HALF = np.uint64(0), np.uint64(1), np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
FACTOR_1 = np.uint64(0xBF58476D)
FACTOR_2 = np.uint64(0x94D049BB)

SHUFFLE, UNDO = 1, -1
"""The ways through the rounds."""

ORDER = np.dtype(
    [
        ("rank", np.int32),
        ("first_chunk", np.int32),
        ("is_added", np.bool_),
        ("n_added", np.int64),
    ]
)
"""After some bins: the rank of the last one's group, the length of its first chunk,
whether it is one of those that `bins_multiple` adds at the end of a group, and how many
of these there were. Zeros before the first bin of a block."""


@kernel
def keyed(value: np.uint64, key: np.uint64, size: np.uint64) -> np.uint64:
    """Hash a half of a number to 0 ... size - 1, by the key of a round."""
    z = ((value + key) & LOW) * FACTOR_1
    z = ((z ^ (z >> HALF)) & LOW) * FACTOR_2 & LOW
    return (z * size) >> HALF


@kernel
def renumber(
    number: Integer, n_bins: int, keys: npt.NDArray[np.uint64], way: int
) -> Integer:
    """Return the number that `SHUFFLE` gives a bin, or `UNDO` gives it back."""
    n = np.uint64(n_bins)
    bits = ZERO
    while bits < HALF and (ONE << (bits + bits)) < n:
        bits += ONE
    b = ONE << bits
    a = (n + b - ONE) >> bits
    x = np.uint64(number)
    while True:
        high = x >> bits
        low = x & (b - ONE)
        for i in range(keys.size):
            j = keys.size - 1 - i if way == UNDO else i
            if j % 2 == 0:
                step = keyed(low, keys[j], a)
                high += a - step if way == UNDO else step
                high = high - a if high >= a else high
            else:
                step = keyed(high, keys[j], b)
                low = (low + b - step if way == UNDO else low + step) & (b - ONE)
        x = (high << bits) | low
        if x < n:
            return np.int64(x)


@kernel
def unshuffle(
    bins: npt.NDArray[Any],
    first_bins: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
) -> npt.NDArray[np.int64]:
    """Return the number of each bin before the shuffle; no numbers of bins stay.

    Parameters
    ----------
    bins
        Numbers of bins, or any others.
    first_bins
        The first bin of each block, ascending, and the end of the last.
    keys
        The keys of the rounds of each block, a row each.
    """
    numbers = np.empty(bins.size, np.int64)
    block = 0
    for i in range(bins.size):
        number = np.int64(bins[i])
        if 0 <= number < first_bins[-1]:
            if number < first_bins[block] or number >= first_bins[block + 1]:
                block = int(np.searchsorted(first_bins, number, side="right")) - 1
            first = first_bins[block]
            n_bins = first_bins[block + 1] - first
            number = first + renumber(number - first, n_bins, keys[block], UNDO)
        numbers[i] = number
    return numbers


@kernel
def check_order(
    n_bins: int,
    groups: npt.NDArray[np.int32],
    first_chunks: npt.NDArray[np.int32],
    ranks: npt.NDArray[np.int32],
    max_added: int,
    block_starts: npt.NDArray[np.int64],
    order: np.void,
) -> int:
    """Find the first bin that is out of order; return its place, -1 if there is none.

    In each block, the bins of each group follow each other, in the order of the groups.
    Those of a group are in the order in which best-fit decreasing opens them, by their
    first chunk, the longest first; then come those that `bins_multiple` adds, in the
    same order again.

    Parameters
    ----------
    n_bins
        The number of these bins, neighbours before a shuffle.
    groups
        The group of each bin plus 1; no elements if it is not known.
    first_chunks
        The length of each bin's first chunk; no elements if that is not looked at.
    ranks
        The rank of each group in the order of the groups.
    max_added
        The most bins that may be added, of all groups of a block together.
    block_starts
        The places where a block begins, ascending.
    order
        Dtype `ORDER`: grows from call to call.
    """
    next_block = 0
    for place in range(n_bins):
        if next_block < block_starts.size and place == block_starts[next_block]:
            next_block += 1
            order["rank"] = 0
            order["first_chunk"] = 0
            order["is_added"] = False
            order["n_added"] = 0
        if groups.size:
            rank = ranks[groups[place] - 1]
            if rank < order["rank"]:
                return place
            if rank > order["rank"]:
                order["rank"] = rank
                order["first_chunk"] = 0
                order["is_added"] = False
        if first_chunks.size:
            if first_chunks[place] > order["first_chunk"] > 0:
                if order["is_added"]:
                    return place
                order["is_added"] = True
            order["first_chunk"] = first_chunks[place]
            order["n_added"] += order["is_added"]
            if order["n_added"] > max_added:
                return place
    return -1
