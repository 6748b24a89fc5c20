"""Count: document lengths -> how many documents have each, in each group.

One pass and one increment a document, 0.6 ns each on lengths that fit the table.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel


@kernel
def count_lengths(
    lengths: npt.NDArray[Any],
    groups: npt.NDArray[np.int32] | None,
    n_groups: int,
    counts: npt.NDArray[np.int64],
    others: npt.NDArray[np.int64],
) -> tuple[Integer, Integer]:
    """Count the lengths that the table has a place for; tell which have none.

    It returns when all are read, or when `others` may be full before long. Long arrays
    are counted in few calls: at the end of each, a thread has to wait for the GIL.

    Parameters
    ----------
    lengths
        Document lengths in tokens, int32 or int64, shape (n,).
    groups, n_groups
        The group of each document, shape (n,), and how many there are; or None and 1.
    counts
        ``counts[s * n_groups + g]`` grows by the number of documents of length ``s`` in
        group ``g``.
    others
        Room for the places in `lengths` of those that `counts` has no place for,
        negative ones among them: shape (m,), at least 2.

    Returns
    -------
    n_read, n_others
        How many lengths were read, and how many of these are told, in their order.
    """
    # Unsigned throughout: a signed index is tested for being negative at each use, and
    # negative lengths are past the end of the table too, by the same comparison.
    one = np.uint64(1)
    n = np.uint64(lengths.size)
    size = np.uint64(counts.size // n_groups)
    block = np.uint64(others.size // 2)
    n_read = np.uint64(0)
    n_others = np.uint64(0)
    # Block by block, so that the inner loop need not ask whether there is room.
    while n_read < n and n_others <= block:
        end = min(n_read + block, n)
        for i in range(n_read, end):
            key = np.uint64(np.int64(lengths[i]))
            if key < size:
                if groups is not None:
                    key = key * np.uint64(n_groups) + np.uint64(groups[i])
                counts[key] += 1
            else:
                others[n_others] = i
                n_others += one
        n_read = end
    return n_read, n_others
