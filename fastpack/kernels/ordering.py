"""Order: the bin and the offset of each chunk -> the chunks of each bin, in order.

Counting sorts, each of which keeps the order of equal keys: by the digits of the
offset, the lowest first, then by bin. 6 to 12 ns a chunk for bins of any length.
Insertions within each bin are quadratic: 320 ns a chunk in bins of 10,000 chunks.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

DIGIT_BITS = 16
"""Bits of an offset that are sorted by at a time: the counts stay in the L2 cache. Two
such digits hold any offset."""


def order_by_bin(
    bins: npt.NDArray[Any],
    bin_offsets: npt.NDArray[np.int32],
    n_bins: int,
    context_length: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Order chunks by bin, those of a bin by offset.

    Parameters
    ----------
    bins
        The bin of each row, below `n_bins`; negative if nothing is packed: such a row
        is left out. int64 or int32, shape (n,).
    bin_offsets
        The offset of each chunk in its bin, below `context_length`, shape (n,).
    n_bins, context_length
        The bounds, which the caller has checked.

    Returns
    -------
    first
        ``first[b]`` is the place of the first chunk of bin b, int64, shape
        (n_bins + 1,); its last element is the number of chunks.
    rows
        The row of each chunk, in order: int32 if that holds n, or int64, shape
        (first[-1],).
    """
    dtype = np.int32 if bins.size < 2**31 else np.int64
    first = np.zeros(n_bins + 1, np.int64)
    rows = np.empty(bins.size, dtype)
    scratch = np.empty(bins.size, dtype)
    bits = (context_length - 1).bit_length()
    n_digits = max(1, -(-bits // DIGIT_BITS))
    counts = np.zeros(1 << -(-bits // n_digits), np.int64)
    sort_chunks(bins, bin_offsets, n_digits, counts, first, rows, scratch)
    return first, rows[: first[-1]]


@kernel
def sort_chunks(
    bins: npt.NDArray[Any],
    bin_offsets: npt.NDArray[np.int32],
    n_digits: int,
    counts: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    rows: npt.NDArray[Any],
    scratch: npt.NDArray[Any],
) -> None:
    """Sort by one or two digits of the offset, then by bin: see `order_by_bin`.

    `counts` has a place for each value of a digit; `first` comes in as zeros.
    """
    mask = counts.size - 1
    bits = 0
    while 1 << bits < counts.size:
        bits += 1
    # All is counted in the order of the rows: behind a sort, each is a cache miss.
    counts[:] = 0
    for i in range(bins.size):
        if bins[i] >= 0:
            first[bins[i]] += 1
            counts[bin_offsets[i] & mask] += 1
    n = sum_before(first)
    sum_before(counts)
    for i in range(bins.size):
        if bins[i] >= 0:
            d = bin_offsets[i] & mask
            scratch[counts[d]] = i
            counts[d] += 1
    if n_digits > 1:
        counts[:] = 0
        for i in range(n):
            rows[i] = scratch[i]
            counts[bin_offsets[rows[i]] >> bits] += 1
        sum_before(counts)
        for i in range(n):
            d = bin_offsets[rows[i]] >> bits
            scratch[counts[d]] = rows[i]
            counts[d] += 1
    for i in range(n):
        b = bins[scratch[i]]
        rows[first[b]] = scratch[i]
        first[b] += 1
    # Each is now the place after its bin, which is the first of the next one.
    for b in range(first.size - 1, 0, -1):
        first[b] = first[b - 1]
    first[0] = 0


@kernel
def sum_before(counts: npt.NDArray[np.int64]) -> Integer:
    """Replace each count by the sum of those before it; return the sum of all."""
    total = np.int64(0)
    for i in range(counts.size):
        count = counts[i]
        counts[i] = total
        total += count
    return total
