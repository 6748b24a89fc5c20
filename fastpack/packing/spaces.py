"""Spaces: the arrays of the kernel of best-fit packing, set up and checked.

They are drawn in the docstring of `fastpack.kernels.best_fit`.
"""

from itertools import pairwise

import numpy as np

from fastpack import kernels


def new_spaces(capacity: int, n_lengths: int) -> "kernels.best_fit.Spaces":
    """Set up empty bins of `capacity` tokens, for chunks of `n_lengths` lengths.

    The arrays over the spaces start as zeros that the system hands out untouched, so
    that a large capacity costs address space, not memory. Each length can leave at most
    two ranges more than it found: the bins that took as many chunks as they could, and
    the one bin that took the last few.
    """
    levels = [0]
    n_words = words = -(-capacity // 64)
    while words > 1:
        levels.append(n_words)
        words = -(-words // 64)
        n_words += words
    # No kernel of the tree and of the lists is called: loading each takes 5 ms.
    tree = np.zeros(n_words, np.uint64)
    place = capacity - 1
    for level in levels:
        tree[level + place // 64] = 1 << place % 64
        place //= 64
    heads = np.zeros(capacity + 1, np.int32)
    heads[capacity] = kernels.best_fit.EMPTY_BINS
    nodes = np.zeros(2 + 2 * n_lengths, kernels.best_fit.NODE)
    nodes["next"] = np.arange(1, nodes.size + 1)
    nodes["next"][[0, -1]] = 2, 0
    nodes[kernels.best_fit.EMPTY_BINS] = 0, kernels.best_fit.ENDLESS, 0, 0
    return kernels.best_fit.Spaces(tree, np.array(levels, np.uint64), heads, nodes)


def check_spaces(spaces: "kernels.best_fit.Spaces", capacity: int) -> None:
    """Assert every invariant of the tree and of the lists. O(L + nodes); for tests."""
    tree, levels, heads, nodes = spaces
    ends = [*levels[1:].tolist(), tree.size]
    children = [space - 1 for space in range(1, capacity + 1) if heads[space]]
    for start, end in zip(levels.tolist(), ends, strict=True):
        words = [0] * (end - start)
        for child in children:
            words[child // 64] |= 1 << child % 64
        assert tree[start:end].tolist() == words
        children = [child for child, word in enumerate(words) if word]
    assert children == [0]  # the root
    assert heads[0] == 0
    seen = {0}
    ranges = []
    for space in range(1, capacity + 1):
        node = int(heads[space])
        while node != 0:
            assert node not in seen
            seen.add(node)
            first, bins, held, following = nodes[node].tolist()
            assert bins > 0
            assert (held == 0) == (node == kernels.best_fit.EMPTY_BINS)
            assert (node == kernels.best_fit.EMPTY_BINS) == (space == capacity)
            ranges.append((first, first + bins))
            node = following
    free = int(nodes[0]["next"])
    while free != 0:
        assert free not in seen
        seen.add(free)
        free = int(nodes[free]["next"])
    assert seen == set(range(nodes.size))
    # No bin is in two ranges; the empty bins are those that were never opened.
    ranges.sort()
    for (_, end), (begin, _) in pairwise(ranges):
        assert end <= begin
    first, bins, _, _ = nodes[kernels.best_fit.EMPTY_BINS].tolist()
    assert ranges[-1] == (first, first + bins)
