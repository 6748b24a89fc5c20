"""Verify: rows of an assignment -> the first that is wrong, and the sums of each bin.

The chunks of a bin fill it from 0 on, without hole or overlap. To check that needs no
sorting: the starts of its chunks, with the sum of their footprints, are then their
ends, with 0, in some order. (Chunks run from start to end > start; if starts and ends
pair up like that, all chunks are one path from 0 to the end.) Both collections are
compared as sums of hashes with a random key: a difference is missed once in 2**64.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel, prefetch

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

AHEAD = np.uint64(64)
"""Rows between the one that is checked and the one whose bin is brought to the cache:
5 ns a row less. Of 16 to 128, the distance hardly matters."""

SUMS = np.dtype(
    [("balance", np.uint64), ("footprint", np.uint32), ("chunks", np.uint32)],
    align=True,
)
"""Of the chunks of a bin: the hashes of their starts less those of their ends, their
footprints, and their number. 16 bytes: four bins in a line of the cache."""

TOTALS = np.dtype(
    [
        (name, np.int64)
        for name in ("chunks", "footprint", "chunks_per_bin_max", "bins_not_full")
    ]
)
"""Of some bins: their chunks, the footprints of these, the chunks of the fullest bin,
and the bins with padding."""


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


class Before(NamedTuple):
    """What is known of the rows before: zeros before the first one.

    The end of the last chunk in its document, the length of that chunk, and the number
    of documents.
    """

    end: Integer = 0
    chunk_length: Integer = 0
    n_documents: int = 0


class Bins(NamedTuple):
    """The bins that are summed up: neighbours, from `first_bin` on.

    `sums` has the dtype `SUMS`, a record a bin; `key` is that of the hashes. `groups`
    holds, for each bin, the group of one of its chunks plus 1, or -1 if the groups of
    its chunks differ; it has no elements if rows have no groups. `first_chunks` holds
    the length of the chunk at the start of each bin; it has no elements if the order of
    bins does not depend on it. `hashes` are those of the first positions.
    """

    first_bin: int
    sums: npt.NDArray[Any]
    groups: npt.NDArray[np.int32]
    first_chunks: npt.NDArray[np.int32]
    key: np.uint64
    hashes: npt.NDArray[np.uint64]


@kernel
def mix(position: Any, key: np.uint64) -> np.uint64:
    """Hash a position in a bin: the finalizer of SplitMix64."""
    z = np.uint64(position) * np.uint64(0x9E3779B97F4A7C15) + key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def hash_positions(key: np.uint64, hashes: npt.NDArray[np.uint64]) -> None:
    """Write the hashes of the first positions. Looked up, a row takes 1 ns less."""
    for position in range(hashes.size):
        hashes[position] = mix(position, key)


@kernel
def hash_of(position: Any, key: np.uint64, hashes: npt.NDArray[np.uint64]) -> np.uint64:
    """Return the hash of a position, which is not negative."""
    place = np.uint64(position)
    return hashes[place] if place < np.uint64(hashes.size) else mix(position, key)


@kernel
def check_rows(
    document: npt.NDArray[np.int64] | None,
    columns: Columns,
    groups: npt.NDArray[np.int32] | None,
    limits: Limits,
    before: Before,
    tokens: npt.NDArray[np.int64],
    bins: Bins,
) -> tuple[Integer, int]:
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
    before
        What is known of the rows before.
    tokens
        Output: the tokens of each document that ends in these rows. It ends at the
        start of the next: one element for each row that starts a document is enough.
    bins
        The sums of some bins, changed in place; rows of others are only checked.

    Returns
    -------
    row, reason
        The first row that is wrong, and the reason; or the number of rows, and `OK`.
    """
    context_length, max_chunk, may_split, min_chunk, extra_tokens, align, n_bins = (
        limits
    )
    first_bin, sums, bin_groups, first_chunks, key, hashes = bins
    chunk_start, chunk_length, bin, bin_offset = columns  # noqa: A001
    n = np.uint64(sums.size)
    end, last, n_documents = before
    # Unsigned: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    n_ended = np.uint64(0)
    for i in range(np.uint64(bin.size)):
        if i + AHEAD < np.uint64(bin.size):
            ahead = np.uint64(np.int64(bin[i + AHEAD]) - first_bin)
            if ahead < n:
                prefetch(sums, ahead)
                if groups is not None:
                    prefetch(bin_groups, ahead)
                if first_chunks.size:
                    prefetch(first_chunks, ahead)
        start = np.int64(chunk_start[i])
        length = np.int64(chunk_length[i])
        if start == 0:
            if n_documents > 0:
                tokens[n_ended] = end
                n_ended += one
            n_documents += 1
        elif start != end:
            return np.int64(i), NOT_IN_ORDER
        elif not may_split:
            return np.int64(i), SPLIT
        elif last != max_chunk:
            # Only the last chunk of a document may be shorter.
            return np.int64(i), NOT_WHOLE
        if length < 0 or length > max_chunk or (length == 0 and start != 0):
            return np.int64(i), BAD_CHUNK
        if start != 0 and length < min_chunk:
            return np.int64(i), SHORT
        if document is not None and document[i] != n_documents - 1:
            return np.int64(i), BAD_DOCUMENT
        end = start + length
        last = length
        target = np.int64(bin[i])
        offset = np.int64(bin_offset[i])
        if length == 0:
            if target != -1 or offset != -1:
                return np.int64(i), BAD_BIN
            continue
        if target < 0 or target >= n_bins:
            return np.int64(i), BAD_BIN
        footprint = length + extra_tokens
        if align > 1:
            footprint += -footprint % align
            if offset % align != 0:
                return np.int64(i), BAD_OFFSET
        if offset < 0:
            return np.int64(i), BAD_OFFSET
        if offset + footprint > context_length:
            return np.int64(i), OVER_CAPACITY
        place = np.uint64(target - first_bin)
        if place < n:
            ends = offset + footprint
            sums[place]["balance"] += hash_of(offset, key, hashes)
            sums[place]["balance"] -= hash_of(ends, key, hashes)
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
    return bin.size, OK


@kernel
def add_up(bins: Bins, others: Bins) -> None:
    """Add to `bins` what other rows add up to in the same bins."""
    for place in range(bins.sums.size):
        bins.sums[place]["balance"] += others.sums[place]["balance"]
        bins.sums[place]["footprint"] += others.sums[place]["footprint"]
        bins.sums[place]["chunks"] += others.sums[place]["chunks"]
    for place in range(bins.groups.size):
        group = others.groups[place]
        if bins.groups[place] == 0:
            bins.groups[place] = group
        elif group != 0 and bins.groups[place] != group:
            bins.groups[place] = -1
    for place in range(bins.first_chunks.size):
        # Of two chunks at the start of a bin, either: they overlap.
        if others.first_chunks[place]:
            bins.first_chunks[place] = others.first_chunks[place]


@kernel
def check_bins(
    bins: Bins,
    context_length: int,
    max_chunks: int,
    wrong: npt.NDArray[np.int64],
    totals: np.void,
) -> int:
    """Find bins that are wrong; return how many of them were put into `wrong`.

    The search stops when `wrong` is full. `totals`, of dtype `TOTALS`, is an output.
    """
    n_wrong = 0
    n_chunks = total = most = not_full = np.int64(0)
    zero = mix(0, bins.key)
    for place in range(bins.sums.size):
        footprint = np.int64(bins.sums[place]["footprint"])
        chunks = np.int64(bins.sums[place]["chunks"])
        balance = zero - hash_of(footprint, bins.key, bins.hashes)
        is_right = (
            0 < footprint <= context_length
            and bins.sums[place]["balance"] == balance
            and chunks <= max_chunks
            and (bins.groups.size == 0 or bins.groups[place] > 0)
        )
        n_chunks += chunks
        total += footprint
        most = max(most, chunks)
        not_full += footprint < context_length
        if not is_right:
            wrong[n_wrong] = place
            n_wrong += 1
            if n_wrong == wrong.size:
                break
    totals["chunks"] = n_chunks
    totals["footprint"] = total
    totals["chunks_per_bin_max"] = most
    totals["bins_not_full"] = not_full
    return n_wrong
