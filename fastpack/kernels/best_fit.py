"""Plan: best-fit decreasing over a histogram of chunk lengths -> runs.

The algorithm is best-fit packing (Ding et al., ICML 2024, section 3.2 and Figure 3),
made coarser in two ways: the paper places one chunk, a step here places all chunks of
one length that a range of bins can take; the table of the paper lists the bins of a
space one by one, a node here is a whole range of bins. The cost depends on the number
of distinct lengths, not of documents: at a context length of 2048 about 5,000 steps,
each O(log L), half a millisecond in all.

The max segment tree
--------------------
An implicit binary tree over the spaces 1 ... L. `tree[1]` is the root, the children of
node i are 2 i and 2 i + 1, and with n leaves (the power of two that is at least L) the
leaf of space s is ``tree[n + s - 1]``. A leaf holds s if some bin has space s, else 0;
an inner node holds the larger of its children. The root is the largest space there is.

The example of the paper: L = 8, after the chunks 8, 6, 6 and 4. The endless supply
of empty bins keeps the leaf of space 8, two bins have 2 tokens free, one has 4::

    node      1: 8
            2: 4                      3: 8
        4: 2        5: 4          6: 0        7: 8
    8: 0  9: 2 | 10: 0 11: 4 | 12: 0 13: 0 | 14: 0 15: 8
    s = 1    2        3     4       5     6       7     8

    tree = [-, 8, 4, 8, 2, 4, 0, 8, 0, 2, 0, 4, 0, 0, 0, 8]      n = 8, leaf 1 at 8

A chunk of 3 starts at the leaf of space 3, goes up to the first node that is at least 3
and from there down to the left wherever the left child is: 10 -> 5 -> 11, the leaf of
space 4, the least that is enough.

The lists from space to bins
----------------------------
`heads[s]` is the first node of the list of space s, 0 if it is empty. Node k is the
range of the bins ``first[k] ... first[k] + bins[k] - 1``, and ``next[k]`` is the next
node; ``held[k]`` is how many chunks each of its bins holds. A range whose bins may
take no more chunks is in no list. Ranges are pushed and taken at the front: last in,
first out. Node 0 is no range; its ``next[0]`` starts the list of nodes that are free.
Node 1 is the endless supply of empty bins: it never leaves the list of space L, and its
``first[1]`` is at the same time the number of bins opened so far. In the example::

    heads = [0, 0, 2, 0, 3, 0, 0, 0, 1]
    node        1            2            3
    first       4            1            3         bins 1 and 2 took the sixes,
    bins     endless         2            1         bin 3 the four
    next        0            0            0

The chunk of 3 takes bin 3 off the list of space 4, whose leaf becomes 0, and puts it
on the list of space 1.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel

EMPTY_BINS = 1
"""The node of the endless supply of empty bins."""

ENDLESS = np.iinfo(np.int64).max
"""How many empty bins there are at first: as many as there can be tokens."""

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
    """The bins by the space left in them: segment tree and lists of ranges.

    The arrays are drawn in the docstring of this module.
    """

    tree: npt.NDArray[np.int32]
    heads: npt.NDArray[np.int32]
    first: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int64]
    held: npt.NDArray[np.int64]
    next: npt.NDArray[np.int64]


def new_spaces(capacity: int, n_lengths: int) -> Spaces:
    """Set up empty bins of `capacity` tokens, for chunks of `n_lengths` lengths.

    The arrays over the spaces start as zeros that the system hands out untouched, so
    that a large capacity costs address space, not memory.

    Each length can leave at most two ranges more than it found: the bins that took
    as many chunks as they could, and the one bin that took the last few.
    """
    leaves = 1 << (capacity - 1).bit_length()
    n_nodes = 2 + 2 * n_lengths
    spaces = Spaces(
        tree=np.zeros(2 * leaves, np.int32),
        heads=np.zeros(capacity + 1, np.int32),
        first=np.zeros(n_nodes, np.int64),
        bins=np.zeros(n_nodes, np.int64),
        held=np.zeros(n_nodes, np.int64),
        next=np.arange(1, n_nodes + 1, dtype=np.int64),
    )
    spaces.next[0] = EMPTY_BINS
    spaces.next[-1] = 0
    push_range(spaces, capacity, 0, ENDLESS, 0)
    return spaces


@kernel
def find_best_fit(tree: npt.NDArray[np.int32], length: int) -> int:
    """Return the least space that holds `length` tokens. O(log L), often less.

    There always is one: the empty bins. The way is from the leaf of `length` up to the
    first node that has one, and down again. Always from the root, planning takes a
    seventh longer.
    """
    # Unsigned: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    leaves = np.uint64(tree.size) >> one
    node = leaves + np.uint64(length) - one
    while tree[node] < length:
        node >>= one
    while node < leaves:
        node <<= one
        if tree[node] < length:
            node |= one
    return int(node - leaves) + 1


@kernel
def set_leaf(tree: npt.NDArray[np.int32], space: int) -> None:
    """Say that some bin has `space` tokens free. O(log L), often less."""
    node = tree.size // 2 + space - 1
    while node > 0 and tree[node] < space:
        tree[node] = space
        node //= 2


@kernel
def clear_leaf(tree: npt.NDArray[np.int32], space: int) -> None:
    """Say that no bin has `space` tokens free. O(log L), often less."""
    node = tree.size // 2 + space - 1
    tree[node] = 0
    node //= 2
    while node > 0 and tree[node] == space:
        tree[node] = max(tree[2 * node], tree[2 * node + 1])
        node //= 2


@kernel
def push_range(spaces: Spaces, space: int, first: int, bins: int, held: int) -> None:
    """Put a range of bins at the front of the list of `space`. O(log L)."""
    node = spaces.next[0]
    spaces.next[0] = spaces.next[node]
    spaces.first[node] = first
    spaces.bins[node] = bins
    spaces.held[node] = held
    spaces.next[node] = spaces.heads[space]
    spaces.heads[space] = node
    if spaces.next[node] == 0:
        set_leaf(spaces.tree, space)


@kernel
def take_bins(spaces: Spaces, space: int, bins: int) -> None:
    """Take `bins` bins off the front of the first range of `space`. O(log L)."""
    node = spaces.heads[space]
    spaces.first[node] += bins
    spaces.bins[node] -= bins
    if spaces.bins[node] > 0:
        return
    spaces.heads[space] = spaces.next[node]
    spaces.next[node] = spaces.next[0]
    spaces.next[0] = node
    if spaces.heads[space] == 0:
        clear_leaf(spaces.tree, space)


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
    lengths
        The different chunk lengths, longest first.
    footprints
        What a chunk of each length takes in its bin: as long or longer, and in the same
        order; none above `capacity`.
    counts
        How many chunks of each length are still to be placed; changed in place.
    max_chunks
        How many chunks a bin holds at most.
    runs
        Dtype `RUN`; filled from the front, in the order of placement.

    Returns
    -------
    int
        The number of runs written; 0 when all chunks are placed.
    """
    n_runs = 0
    for i in range(lengths.size):
        footprint = footprints[i]
        while counts[i] > 0:
            if n_runs == runs.size:
                return n_runs
            space = find_best_fit(spaces.tree, footprint)
            node = spaces.heads[space]
            first = spaces.first[node]
            held = spaces.held[node]
            # A bin that took a chunk is itself the best fit for the next one while it
            # has room: its space is now below all others that are enough.
            chunks_per_bin = min(space // footprint, max_chunks - held)
            bins = min(counts[i] // chunks_per_bin, spaces.bins[node])
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
            take_bins(spaces, space, bins)
            space_left = space - chunks_per_bin * footprint
            held += chunks_per_bin
            if space_left > 0 and held < max_chunks:
                push_range(spaces, space_left, first, bins, held)
    return n_runs


def _check(spaces: Spaces, capacity: int) -> None:
    """Assert every invariant of the tree and of the lists. O(L + nodes); for tests."""
    tree, heads, first, bins, held, following = spaces
    leaves = tree.size // 2
    assert leaves >= capacity
    assert leaves & (leaves - 1) == 0
    for node in range(1, leaves):
        assert tree[node] == max(tree[2 * node], tree[2 * node + 1])
    for space in range(1, leaves + 1):
        listed = space <= capacity and heads[space] != 0
        assert tree[leaves + space - 1] == (space if listed else 0)
    assert heads[0] == 0
    seen = {0}
    ranges = []
    for space in range(1, capacity + 1):
        node = int(heads[space])
        while node != 0:
            assert node not in seen
            seen.add(node)
            assert bins[node] > 0
            assert (held[node] == 0) == (node == EMPTY_BINS)
            assert (node == EMPTY_BINS) == (space == capacity)
            ranges.append((int(first[node]), int(first[node] + bins[node])))
            node = int(following[node])
    free = int(following[0])
    while free != 0:
        assert free not in seen
        seen.add(free)
        free = int(following[free])
    assert seen == set(range(first.size))
    # No bin is in two ranges; the empty bins are those that were never opened.
    ranges.sort()
    for (_, end), (begin, _) in pairwise(ranges):
        assert end <= begin
    assert ranges[-1] == (int(first[EMPTY_BINS]), ENDLESS)
