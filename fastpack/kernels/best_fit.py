"""Plan: best-fit decreasing over a histogram of chunk lengths -> runs.

The algorithm is best-fit packing (Ding et al., ICML 2024, section 3.2 and Figure 3),
made coarser in two ways: the paper places one chunk, a step here places all chunks of
one length that a range of bins can take; the table of the paper lists the bins of a
space one by one, a node here is a whole range of bins. The cost depends on the number
of distinct lengths, not of documents: at a context length of 2048 about 6,000 steps of
15 ns, each O(log L).

The max segment tree
--------------------
An implicit tree over the spaces 1 ... L with 64 children a node. A node is one 64-bit
word; bit c says whether there is any bin below child c. On the lowest level, bit
``(s - 1) % 64`` of word ``(s - 1) // 64`` is the leaf of space s. On each further level
a bit stands for a word of the level below, up to the root, a single word: two levels
reach L = 4,096, three 262,144. `tree` has the words of all levels, the lowest level
first, and ``levels[k]`` is the place of the first word of level k. The largest space
below a node is its highest bit, the least that is enough is its lowest bit from the
wanted one on.

The example of the paper: L = 8, after the chunks 8, 6, 6 and 4. The endless supply of
empty bins keeps the leaf of space 8, two bins have 2 tokens free, one has 4. On the
right, the binary tree of the paper, whose nodes hold the largest space below them::

    space  8 7 6 5 4 3 2 1                      8
    bit    7 6 5 4 3 2 1 0                 4          8
           1 0 0 0 1 0 1 0              2     4    0     8
                                       0 2   0 4  0 0   0 8
    tree = [0b10001010]  levels = [0]

A chunk of 3 looks for the lowest bit from bit 2 on, which is bit 3: space 4. If its
word had none, the next word with a bit would be found one level up, in the same way.

The lists from space to bins
----------------------------
`heads[s]` is the first node of the list of space s, 0 if it is empty. Node k is the
range of the bins ``first ... first + bins - 1``, and `next` is the next node; `held` is
the number of chunks in each of its bins. A range whose bins may take no more chunks is
in no list. Ranges are pushed and taken at the front: last in, first out. Node 0 is no
range; its `next` starts the list of free nodes. Node 1 is the endless supply of empty
bins: it never leaves the list of space L, and its `first` is at the same time the
number of bins opened so far. In the example::

    heads = [0, 0, 2, 0, 3, 0, 0, 0, 1]
    nodes       1            2            3
    first       4            1            3         bins 1 and 2 took the sixes,
    bins     endless         2            1         bin 3 the four
    held        0            1            1
    next        0            0            0

The chunk of 3 takes bin 3 off the list of space 4, whose leaf becomes 0, and puts it
on the list of space 1.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import overload

from fastpack.kernels.jit import Integer, kernel

Words: TypeAlias = npt.NDArray[np.uint64]
Heads: TypeAlias = npt.NDArray[np.int32]
Records: TypeAlias = npt.NDArray[Any]

ONE, SIX, LAST = np.uint64(1), np.uint64(6), np.uint64(63)

EMPTY_BINS = 1
"""The node of the endless supply of empty bins."""

ENDLESS = np.iinfo(np.int64).max
"""How many empty bins there are at first: as many as there can be tokens."""

NODE = np.dtype(
    [("first", np.int64), ("bins", np.int64), ("held", np.int32), ("next", np.int32)],
    align=True,
)
"""A range of bins in the list of a space."""

RUN = np.dtype(
    [
        ("first_bin", np.int64),
        ("bins", np.int64),
        ("chunk_length", np.int32),
        ("chunks_per_bin", np.int32),
        ("bin_offset", np.int32),
        ("footprint", np.int32),
        ("group", np.int32),
    ],
    align=True,
)
"""One step of the packing: `bins` neighbouring bins from `first_bin` on, each given
`chunks_per_bin` chunks of `chunk_length` tokens, from `bin_offset` on, each of which
takes `footprint` tokens there. All are of documents of one `group`, which is 0 here."""


class Spaces(NamedTuple):
    """The bins by the space left in them, as the docstring of this module draws them.

    The kernels of the tree know no lists, and those of the lists no tree: with few
    arrays each they are inlined. With all, a call passes some 30 words: half the time.
    """

    tree: Words
    levels: Words
    heads: Heads
    nodes: Records


def lowest_bit(word: np.uint64) -> np.uint64:
    """Return the number of the lowest bit that is set; there is one.

    This runs without the JIT; compiled, it is one instruction of the processor.
    """
    return np.uint64((int(word) & -int(word)).bit_length() - 1)


@overload(lowest_bit)
def _compiled_lowest_bit(word: Any) -> Any:  # noqa: ARG001 -- its type is looked at
    def instruction(word: Any) -> Any:
        return trailing_zeros(word)  # type: ignore[call-arg]

    return instruction


# Unsigned places: a signed index is tested for being negative at each use, and signed
# with unsigned makes floats.


@kernel
def find_best_fit(tree: Words, levels: Words, length: int) -> int:
    """Return the least space that holds `length` tokens. O(log L), mostly one word.

    There always is one: the empty bins.
    """
    place = np.uint64(length) - ONE
    bits = tree[place >> SIX] >> (place & LAST)
    if bits:
        return int(place + lowest_bit(bits) + ONE)
    level = 0
    while bits == 0:  # up, to the first word with a bit above the place
        level += 1
        place >>= SIX
        bits = tree[levels[level] + (place >> SIX)] >> (place & LAST) >> ONE
    place += lowest_bit(bits) + ONE
    while level > 0:  # down, by lowest bits
        level -= 1
        place = (place << SIX) + lowest_bit(tree[levels[level] + place])
    return int(place + ONE)


@kernel
def set_leaf(tree: Words, levels: Words, space: int) -> None:
    """Say that some bin has `space` tokens free. O(log L), mostly one word."""
    place = np.uint64(space) - ONE
    for level in range(levels.size):
        word = levels[level] + (place >> SIX)
        before = tree[word]
        tree[word] = before | (ONE << (place & LAST))
        if before:
            return
        place >>= SIX


@kernel
def clear_leaf(tree: Words, levels: Words, space: int) -> None:
    """Say that no bin has `space` tokens free. O(log L), mostly one word."""
    place = np.uint64(space) - ONE
    for level in range(levels.size):
        word = levels[level] + (place >> SIX)
        tree[word] &= ~(ONE << (place & LAST))
        if tree[word]:
            return
        place >>= SIX


@kernel
def push_range(
    heads: Heads, nodes: Records, space: int, first: int, bins: int, held: Integer
) -> bool:
    """Put a range of bins at the front of the list of `space`; say if it was empty.

    O(1).
    """
    node = nodes[0]["next"]
    nodes[0]["next"] = nodes[node]["next"]
    nodes[node]["first"] = first
    nodes[node]["bins"] = bins
    nodes[node]["held"] = held
    nodes[node]["next"] = heads[space]
    heads[space] = node
    return bool(nodes[node]["next"] == 0)


@kernel
def take_bins(heads: Heads, nodes: Records, space: int, bins: int) -> bool:
    """Take bins off the front of the first range of `space`; say if it is empty now.

    O(1).
    """
    node = heads[space]
    nodes[node]["first"] += bins
    nodes[node]["bins"] -= bins
    if nodes[node]["bins"] > 0:
        return False
    heads[space] = nodes[node]["next"]
    nodes[node]["next"] = nodes[0]["next"]
    nodes[0]["next"] = node
    return bool(heads[space] == 0)


@kernel
def best_fit_decreasing(
    spaces: Spaces,
    capacity: int,
    lengths: npt.NDArray[np.int64],
    footprints: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    max_chunks: int,
    runs: npt.NDArray[Any],
) -> int:
    """Place chunks, longest first, until all are placed or `runs` is full.

    Call it again, with the same `spaces` and `counts`, to go on from there.

    Parameters
    ----------
    spaces
        The bins by the space left in them; changed in place.
    capacity
        Tokens a bin holds.
    lengths, footprints
        The distinct chunk lengths, longest first, and the footprint of a chunk of each:
        as long or longer, in the same order, none above `capacity`.
    counts
        The chunks of each length still to be placed; changed in place.
    max_chunks
        The most chunks in a bin.
    runs
        Dtype `RUN`; filled from the front, in the order of placement.

    Returns
    -------
    int
        The number of runs written; 0 when all chunks are placed.
    """
    tree, levels, heads, nodes = spaces
    n_runs = 0
    for i in range(lengths.size):
        footprint = footprints[i]
        while counts[i] > 0:
            if n_runs == runs.size:
                return n_runs
            space = find_best_fit(tree, levels, footprint)
            node = heads[space]
            first = nodes[node]["first"]
            held = np.int64(nodes[node]["held"])
            chunks_per_bin = np.int64(1)
            bins = min(counts[i], nodes[node]["bins"])
            if space >= 2 * footprint:  # else nothing is divided: a third of the time
                # A bin that took a chunk is itself the best fit for the next one while
                # it has room: its space is now below all others that are enough.
                chunks_per_bin = min(space // footprint, max_chunks - held)
                bins = min(counts[i] // chunks_per_bin, nodes[node]["bins"])
                if bins == 0:  # the last chunks, too few to fill one bin
                    chunks_per_bin = counts[i]
                    bins = 1
            runs[n_runs]["first_bin"] = first
            runs[n_runs]["bins"] = bins
            runs[n_runs]["chunk_length"] = lengths[i]
            runs[n_runs]["chunks_per_bin"] = chunks_per_bin
            runs[n_runs]["bin_offset"] = capacity - space
            runs[n_runs]["footprint"] = footprint
            runs[n_runs]["group"] = 0
            n_runs += 1
            counts[i] -= bins * chunks_per_bin
            if take_bins(heads, nodes, space, bins):
                clear_leaf(tree, levels, space)
            space_left = space - chunks_per_bin * footprint
            held += chunks_per_bin
            has_room = space_left > 0 and held < max_chunks
            if has_room and push_range(heads, nodes, space_left, first, bins, held):
                set_leaf(tree, levels, space_left)
    return n_runs
