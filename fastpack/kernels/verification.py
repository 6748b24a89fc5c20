"""Verify: rows of an assignment -> the first that is wrong, and the sums of each bin.

The chunks of a bin fill it from 0 on, without hole or overlap. To check that needs no
sorting: the starts of its chunks, with the sum of their footprints, are then their
ends, with 0, in some order. (Chunks run from start to end > start; if starts and ends
pair up like that, all chunks are one path from 0 to the end.) Both collections are
compared as sums of hashes with a random key: a difference is missed with a chance of
2**-64.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

(
    OK,
    NOT_IN_ORDER,
    SPLIT,
    NOT_WHOLE,
    BAD_CHUNK,
    SHORT,
    BAD_BIN,
    BAD_OFFSET,
    OVER_CAPACITY,
    BAD_DOCUMENT,
) = range(10)
"""What is wrong with a row."""

STATE = np.dtype(
    [("end", np.int64), ("chunk_length", np.int64), ("n_documents", np.int64)]
)
"""After some rows: the end of the last chunk in its document, the length of that chunk,
and the number of documents so far. Zeros before the first row."""

SUMS = np.dtype(
    [("balance", np.uint64), ("footprint", np.uint32), ("chunks", np.uint32)],
    align=True,
)
"""Of the chunks of a bin: the hashes of their starts less those of their ends, their
footprints, and their number. 16 bytes: a row costs a cache miss for each fourth bin."""

TOTALS = np.dtype(
    [
        ("chunks_per_bin_max", np.int64),
        ("bins_not_full", np.int64),
        ("footprint", np.int64),
    ]
)
"""Of all bins: the chunks of the fullest, those with padding, and all footprints."""


class Columns(NamedTuple):
    """Columns of some rows of an assignment, int32 or int64; -1 stands for null."""

    chunk_start: npt.NDArray[Any]
    chunk_length: npt.NDArray[Any]
    bin: npt.NDArray[Any]
    bin_offset: npt.NDArray[Any]


class Limits(NamedTuple):
    """The rules that a row alone can break, in tokens, and the number of bins.

    `may_split` says whether a document may have several chunks.
    """

    context_length: int
    max_chunk: int
    may_split: bool
    min_chunk: int
    extra_tokens: int
    align: int
    n_bins: int


class Bins(NamedTuple):
    """The bins that are summed up: neighbours, from `first_bin` on.

    `sums` has the dtype `SUMS`, a record a bin; `key` is that of the hashes. `groups`
    holds, for each bin, the group of one of its chunks plus 1, or -1 if the groups of
    its chunks differ; it has no elements if rows have no groups. `first_chunks` holds
    the length of the chunk at the start of each bin; it has no elements if the order of
    bins does not depend on it.
    """

    first_bin: int
    sums: npt.NDArray[Any]
    groups: npt.NDArray[np.int32]
    first_chunks: npt.NDArray[np.int32]
    key: np.uint64


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
    columns: Columns,
    groups: npt.NDArray[np.int32] | None,
    limits: Limits,
    state: np.void,
    tokens: npt.NDArray[np.int64],
    bins: Bins,
) -> tuple[Integer, int, Integer]:
    """Check each row by itself and against the one before it, and add it to its bin.

    What may be None is an argument of its own: Numba prunes by arguments alone.

    Parameters
    ----------
    document
        The number of each row's document, counted from 0, or None.
    columns
        The rows.
    groups
        The group of each row, or None.
    limits
        The rules.
    state
        Dtype `STATE`: that of the rows before, changed in place unless a row is wrong.
    tokens
        Output: the tokens of each document that ends in these rows. It ends at the
        start of the next: one element for each row that starts a document is enough.
    bins
        The sums of some bins, changed in place; rows of others are only checked.

    Returns
    -------
    row, reason, n_ended
        The first row that is wrong, and the reason; or the number of rows, and `OK`.
        The elements of `tokens` that are written.
    """
    context_length, max_chunk, may_split, min_chunk, extra_tokens, align, n_bins = (
        limits
    )
    first_bin, sums, bin_groups, first_chunks, key = bins
    chunk_start, chunk_length, bin, bin_offset = columns  # noqa: A001
    n = np.uint64(sums.size)
    end = state["end"]
    last = state["chunk_length"]
    n_documents = state["n_documents"]
    # Unsigned: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    n_ended = np.uint64(0)
    for i in range(np.uint64(bin.size)):
        start = np.int64(chunk_start[i])
        length = np.int64(chunk_length[i])
        if start == 0:
            if n_documents > 0:
                tokens[n_ended] = end
                n_ended += one
            n_documents += 1
        elif start != end:
            return np.int64(i), NOT_IN_ORDER, np.int64(n_ended)
        elif not may_split:
            return np.int64(i), SPLIT, np.int64(n_ended)
        elif last != max_chunk:
            # Only the last chunk of a document may be shorter.
            return np.int64(i), NOT_WHOLE, np.int64(n_ended)
        if length < 0 or length > max_chunk or (length == 0 and start != 0):
            return np.int64(i), BAD_CHUNK, np.int64(n_ended)
        if start != 0 and length < min_chunk:
            return np.int64(i), SHORT, np.int64(n_ended)
        if document is not None and document[i] != n_documents - 1:
            return np.int64(i), BAD_DOCUMENT, np.int64(n_ended)
        end = start + length
        last = length
        target = np.int64(bin[i])
        offset = np.int64(bin_offset[i])
        if length == 0:
            if target != -1 or offset != -1:
                return np.int64(i), BAD_BIN, np.int64(n_ended)
            continue
        if target < 0 or target >= n_bins:
            return np.int64(i), BAD_BIN, np.int64(n_ended)
        footprint = length + extra_tokens
        if align > 1:
            footprint += -footprint % align
            if offset % align != 0:
                return np.int64(i), BAD_OFFSET, np.int64(n_ended)
        if offset < 0:
            return np.int64(i), BAD_OFFSET, np.int64(n_ended)
        if offset + footprint > context_length:
            return np.int64(i), OVER_CAPACITY, np.int64(n_ended)
        place = np.uint64(target - first_bin)
        if place < n:
            sums[place]["balance"] += mix(offset, key) - mix(offset + footprint, key)
            sums[place]["footprint"] += np.uint32(footprint)
            sums[place]["chunks"] += np.uint32(1)
            if groups is not None:
                group = groups[i] + 1
                if bin_groups[place] == 0:
                    bin_groups[place] = group
                elif bin_groups[place] != group:
                    bin_groups[place] = -1
            if offset == 0 and first_chunks.size:
                first_chunks[place] = length
    state["end"] = end
    state["chunk_length"] = last
    state["n_documents"] = n_documents
    return bin.size, OK, np.int64(n_ended)


@kernel
def check_bins(
    bins: Bins,
    context_length: int,
    max_chunks: int,
    wrong: npt.NDArray[np.int64],
    totals: np.void,
) -> int:
    """Find bins that are wrong; return how many of them were put into `wrong`.

    The search stops when `wrong` is full. `totals`, of dtype `TOTALS`, grows from call
    to call.
    """
    n_wrong = 0
    zero = mix(0, bins.key)
    for place in range(bins.sums.size):
        footprint = np.int64(bins.sums[place]["footprint"])
        chunks = np.int64(bins.sums[place]["chunks"])
        is_right = (
            0 < footprint <= context_length
            and bins.sums[place]["balance"] == zero - mix(footprint, bins.key)
            and chunks <= max_chunks
            and (bins.groups.size == 0 or bins.groups[place] > 0)
        )
        totals["chunks_per_bin_max"] = max(totals["chunks_per_bin_max"], chunks)
        totals["bins_not_full"] += footprint < context_length
        totals["footprint"] += footprint
        if not is_right:
            wrong[n_wrong] = place
            n_wrong += 1
            if n_wrong == wrong.size:
                return n_wrong
    return n_wrong


@kernel
def expect_tokens(
    lengths: npt.NDArray[Any],
    max_chunk: int,
    min_chunk: int,
    tokens_of_long: int,
    tokens: npt.NDArray[np.int64],
) -> None:
    """Write the tokens that should be packed of each document.

    Parameters
    ----------
    lengths
        Document lengths in tokens, int32 or int64, shape (n,).
    max_chunk, min_chunk
        The longest chunk, and the shortest remainder of a longer document.
    tokens_of_long
        The tokens of a document longer than `max_chunk`; -1 if it is split.
    tokens
        Output, shape (n,).
    """
    for i in range(np.uint64(lengths.size)):
        length = np.int64(lengths[i])
        if length > max_chunk:
            if tokens_of_long >= 0:
                length = np.int64(tokens_of_long)
            else:
                remainder = length % max_chunk
                if remainder < min_chunk:
                    length -= remainder
        tokens[i] = length
