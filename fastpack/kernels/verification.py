"""Verify: rows of an assignment -> the first that is wrong, and the sums of each bin.

Whether the chunks of a bin fill it from 0 on without hole or overlap is found without
sorting: the starts of its chunks, with its end, are then the ends of its chunks, with
0, in some order. (Chunks run from start to end > start; where starts and ends pair up
like that, all chunks are one path from 0 to the end.) Both collections are compared by
sums of hashes with a random key: a difference is missed with a chance of 2**-64.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel

OK = 0
NOT_IN_ORDER = 1
NOT_WHOLE = 2
BAD_CHUNK = 3
BAD_BIN = 4
BAD_OFFSET = 5
OVER_CAPACITY = 6
BAD_DOCUMENT = 7
"""What is wrong with a row."""

SUMS = np.dtype(
    [("balance", np.uint64), ("taken", np.uint32), ("chunks", np.uint32)], align=True
)
"""Of a bin: the hashes of its chunks' starts less those of their ends, the tokens they
take, and how many they are. 16 bytes: a row costs a cache miss for each fourth bin."""


@kernel
def mix(position: Any, key: np.uint64) -> np.uint64:
    """Hash a position in a bin: the finalizer of SplitMix64."""
    z = np.uint64(position) * np.uint64(0x9E3779B97F4A7C15) + key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def check_rows(
    document: npt.NDArray[np.int64] | None,
    chunk_start: npt.NDArray[Any],
    chunk_length: npt.NDArray[Any],
    bin: npt.NDArray[Any],  # noqa: A002 -- the column's name
    bin_offset: npt.NDArray[Any],
    groups: npt.NDArray[np.int32] | None,
    limits: npt.NDArray[np.int64],
    key: np.uint64,
    state: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int64],
    first_bin: int,
    sums: npt.NDArray[Any],
    bin_groups: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Check each row by itself and against the one before it, and add it to its bin.

    Parameters
    ----------
    document
        The number of each row's document, counted from 0, or None.
    chunk_start, chunk_length, bin, bin_offset
        The columns of some rows, int32 or int64; -1 stands for null.
    groups
        The group of each row, or None.
    limits
        Context length, longest chunk, extra tokens, alignment, number of bins.
    key
        Of the hashes.
    state
        Where the last chunk ends in its document, its length (-1 before the first row),
        how many documents have started, and how many of these are in `tokens`: changed
        in place.
    tokens
        Takes the tokens of each document that ends in these rows; shape (n + 1,).
    first_bin
        The bin that ``sums[0]`` is of; rows of other bins are only checked.
    sums
        Dtype `SUMS`, a record a bin.
    bin_groups
        For each bin, the group of its first chunk plus 1, or -1 where they differ; not
        looked at where `groups` is None.

    Returns
    -------
    row, reason
        The first row that is wrong, and how; or the number of rows, and `OK`.
    """
    context_length, max_chunk, extra, align, n_bins = limits
    n = np.uint64(sums.size)
    end, last, n_started, n_ended = state
    for i in range(bin.size):
        start = np.int64(chunk_start[i])
        length = np.int64(chunk_length[i])
        if start == 0:
            if last >= 0:
                tokens[n_ended] = end
                n_ended += 1
            n_started += 1
        elif last < 0 or start != end:
            return i, NOT_IN_ORDER
        elif last != max_chunk:
            return i, NOT_WHOLE  # only the last chunk of a document may be shorter
        if length < 0 or length > max_chunk or (length == 0 and start != 0):
            return i, BAD_CHUNK
        if document is not None and document[i] != n_started - 1:
            return i, BAD_DOCUMENT
        end = start + length
        last = length
        target = np.int64(bin[i])
        offset = np.int64(bin_offset[i])
        if length == 0:
            if target != -1 or offset != -1:
                return i, BAD_BIN
            continue
        if target < 0 or target >= n_bins:
            return i, BAD_BIN
        taken = length + extra
        if align > 1:
            taken += -taken % align
            if offset % align != 0:
                return i, BAD_OFFSET
        if offset < 0:
            return i, BAD_OFFSET
        if offset + taken > context_length:
            return i, OVER_CAPACITY
        place = np.uint64(target - first_bin)
        if place < n:
            sums[place]["balance"] += mix(offset, key) - mix(offset + taken, key)
            sums[place]["taken"] += np.uint32(taken)
            sums[place]["chunks"] += np.uint32(1)
            if groups is not None:
                group = groups[i] + 1
                if bin_groups[place] == 0:
                    bin_groups[place] = group
                elif bin_groups[place] != group:
                    bin_groups[place] = -1
    state[0] = end
    state[1] = last
    state[2] = n_started
    state[3] = n_ended
    return bin.size, OK


@kernel
def check_bins(
    sums: npt.NDArray[Any],
    bin_groups: npt.NDArray[np.int32],
    context_length: int,
    max_chunks: int,
    key: np.uint64,
    wrong: npt.NDArray[np.int64],
    totals: npt.NDArray[np.int64],
) -> int:
    """Find bins that are wrong; return how many of them were put into `wrong`.

    `totals` are the chunks of the fullest bin, the number of bins not full, and the
    tokens taken: they grow from call to call.
    """
    n_wrong = 0
    zero = mix(0, key)
    for place in range(sums.size):
        taken = np.int64(sums[place]["taken"])
        chunks = np.int64(sums[place]["chunks"])
        is_right = (
            0 < taken <= context_length
            and sums[place]["balance"] == zero - mix(taken, key)
            and chunks <= max_chunks
            and (bin_groups.size == 0 or bin_groups[place] > 0)
        )
        totals[0] = max(totals[0], chunks)
        totals[1] += taken < context_length
        totals[2] += taken
        if not is_right:
            wrong[n_wrong] = place
            n_wrong += 1
            if n_wrong == wrong.size:
                return n_wrong
    return n_wrong
