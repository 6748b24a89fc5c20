"""Numbering: bins -> whether their numbers are those that the rules give.

`renumber` tells again, for the verifier, the bijection that kernels.shuffling computes:
if it were shared, a mistake there would undo itself here. Numbers below n are pairs
``high << bits | low`` of Z_a x Z_b, where b = 2**bits is the least power of two with
b * b >= n, and a the least number with a * b >= n. The rounds, in turns, add to `high`
a keyed function of `low`, modulo a, and to `low` one of `high`, modulo b; a result of n
or more goes through them again.

One number after the other takes 25 ns, many at a time 3.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

ZERO, ONE, HALF = np.uint64(0), np.uint64(1), np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
FACTOR_1 = np.uint64(0xBF58476D)
FACTOR_2 = np.uint64(0x94D049BB)

AT_A_TIME = 1024
"""Numbers of which vectors are made: their halves stay in the L1 cache."""

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
def bits_of(n: np.uint64) -> np.uint64:
    """Return the bits of the low halves of numbers below n."""
    bits = ZERO
    while bits < HALF and (ONE << (bits + bits)) < n:
        bits += ONE
    return bits


@kernel
def block_of(
    number: Integer, first_bins: npt.NDArray[np.int64], block: Integer
) -> Integer:
    """Return the block of a bin: mostly that of its neighbour; or that, if none."""
    if first_bins[block] <= number < first_bins[block + 1]:
        return block
    if number < 0 or number >= first_bins[-1]:
        return block
    return int(np.searchsorted(first_bins, number, side="right")) - 1


@kernel
def renumber(
    number: Integer, n_bins: int, keys: npt.NDArray[np.uint64], way: int
) -> Integer:
    """Return the number that `SHUFFLE` gives a bin, or `UNDO` gives it back."""
    n = np.uint64(n_bins)
    bits = bits_of(n)
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
def undo_rounds(
    high: npt.NDArray[np.int64],
    low: npt.NDArray[np.int64],
    a: np.uint64,
    b: np.uint64,
    keys: npt.NDArray[np.uint64],
) -> None:
    """Undo all rounds once on the halves of many numbers, in place.

    Signed: the compiler makes vectors of that on any processor.
    """
    for j in range(keys.size - 2, -1, -2):
        for i in range(high.size):
            step = np.int64(keyed(np.uint64(high[i]), keys[j + 1], b))
            low[i] = (low[i] - step) & np.int64(b - ONE)
            moved = high[i] - np.int64(keyed(np.uint64(low[i]), keys[j], a))
            high[i] = moved + np.int64(a) if moved < 0 else moved


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
        Numbers of bins, or any others. Neighbours are mostly of one block.
    first_bins
        The first bin of each block, ascending, and the end of the last.
    keys
        The keys of the rounds of each block, a row each.
    """
    numbers = np.empty(bins.size, np.int64)
    high = np.empty(AT_A_TIME, np.int64)
    low = np.empty(AT_A_TIME, np.int64)
    block: Integer = 0
    for start in range(0, bins.size, AT_A_TIME):
        part = bins[start : start + AT_A_TIME]
        undone = numbers[start : start + AT_A_TIME]
        m = part.size
        block = block_of(np.int64(part[0]), first_bins, block)
        first = first_bins[block]
        n = first_bins[block + 1] - first
        unsigned = np.uint64(n)
        bits = bits_of(unsigned)
        b = ONE << bits
        a = (unsigned + b - ONE) >> bits
        for i in range(m):
            # Of another block, or none: any number of this one.
            x = max(min(np.int64(part[i]), first + n - 1), first) - first
            high[i] = x >> np.int64(bits)
            low[i] = x & np.int64(b - ONE)
        undo_rounds(high[:m], low[:m], a, b, keys[block])
        n_others = 0
        for i in range(m):
            number = np.int64(part[i])
            x = (high[i] << np.int64(bits)) | low[i]
            is_other = number < first or number - first >= n or x >= n
            n_others += is_other
            undone[i] = number if is_other else first + x
            high[i] = is_other
        if n_others == 0:
            continue
        for i in range(m):
            number = np.int64(part[i])
            if high[i] and 0 <= number < first_bins[-1]:
                other = block_of(number, first_bins, block)
                undone[i] = first_bins[other] + renumber(
                    number - first_bins[other],
                    first_bins[other + 1] - first_bins[other],
                    keys[other],
                    UNDO,
                )
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
