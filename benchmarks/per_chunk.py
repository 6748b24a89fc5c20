"""Best-fit decreasing one chunk at a time, as Ding et al. (2024) describe it, compiled.

The baseline: a counting sort, the max segment tree over spaces, and for each space a
linked list of the bins that have it. O(log L) a chunk.
"""

import numba
import numpy as np


@numba.njit(cache=True)
def pack_one_by_one(lengths, context_length):
    """Split documents and pack the chunks.

    Returns
    -------
    chunk_lengths, bins, offsets
        By chunk, in document order.
    """
    n_chunks = 0
    for length in lengths:
        n_chunks += (length + context_length - 1) // context_length
    chunks = np.empty(n_chunks, np.int32)
    first = np.zeros(context_length + 2, np.int64)
    k = 0
    for length in lengths:
        left = length
        while left > 0:
            chunk = min(left, context_length)
            chunks[k] = chunk
            first[chunk - 1] += 1
            left -= chunk
            k += 1
    # The longest first: by[...] has the chunks in that order.
    start = 0
    for chunk in range(context_length, 0, -1):
        count = first[chunk - 1]
        first[chunk - 1] = start
        start += count
    by = np.empty(n_chunks, np.int64)
    for k in range(n_chunks):
        place = first[chunks[k] - 1]
        by[place] = k
        first[chunks[k] - 1] = place + 1

    n_leaves = 1
    while n_leaves < context_length:
        n_leaves *= 2
    tree = np.zeros(2 * n_leaves, np.int32)  # leaf s - 1 holds s if a bin has space s
    node = n_leaves + context_length - 1
    while node:
        tree[node] = context_length
        node //= 2
    head = np.full(context_length + 1, -1, np.int64)  # of the bins of each space
    next_bin = np.empty(n_chunks, np.int64)
    bins = np.empty(n_chunks, np.int32)
    offsets = np.empty(n_chunks, np.int32)
    n_bins = 0
    for k in by:
        chunk = chunks[k]
        node = 1
        while node < n_leaves:
            node *= 2
            if tree[node] < chunk:
                node += 1
        space = tree[node]
        if space == context_length:
            number = n_bins
            n_bins += 1
        else:
            number = head[space]
            head[space] = next_bin[number]
            if head[space] < 0:
                tree[node] = 0
                while node > 1:
                    node //= 2
                    tree[node] = max(tree[2 * node], tree[2 * node + 1])
        bins[k] = number
        offsets[k] = context_length - space
        space -= chunk
        if space:
            if head[space] < 0:
                node = n_leaves + space - 1
                while node and tree[node] < space:
                    tree[node] = space
                    node //= 2
            next_bin[number] = head[space]
            head[space] = number
    return chunks, bins, offsets
