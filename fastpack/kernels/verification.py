"""Verify: rows of an assignment -> the first that is wrong, and the sums of each bin.

The chunks of a bin fill it from 0 on, without hole or overlap. To check that needs no
sorting: the starts of its chunks, with the sum of their footprints, are then their
ends, with 0, in some order. (Chunks run from start to end > start; if starts and ends
pair up like that, all chunks are one path from 0 to the end.) Both collections are
compared as sums of hashes with a random key. A hash can be undone. If the chunks are
right, the hash of 0 less the sum is that of the end, and undone the end; if they are
not, a random number, which is a position in the bin at most once in 2**32 times. So a
bin needs one number of 64 bits, or of 48 and a count of its chunks below.
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
    NEGATIVE_BIN,
    BAD_OFFSET,
    NEGATIVE_OFFSET,
    OVER_CAPACITY,
    BAD_DOCUMENT,
) = range(12)
"""What is wrong with a row."""

AHEAD = np.uint64(64)
"""Rows between the one that is checked and the one whose bin is brought to the cache:
5 ns a row less. Of 16 to 128, the distance hardly matters."""

COUNT_BITS = 16
"""The low bits of a sum that count chunks, if no bin can hold 2**16: a line of the
cache is then eight bins. Longer bins are few, and are counted apart."""

TOTALS = np.dtype(
    [
        (name, np.int64)
        for name in ("chunks", "footprint", "chunks_per_bin_max", "bins_not_full")
    ]
)
"""Of some bins: their chunks, the footprints of these, the chunks of the fullest bin,
and the bins with padding."""


class Columns(NamedTuple):
    """Columns of some rows of an assignment, int32 or int64.

    `has_nulls` says whether a -1 in `bin` and `bin_offset` stands for null.
    """

    has_nulls: bool
    chunk_start: npt.NDArray[Any]
    chunk_length: npt.NDArray[Any]
    bin: npt.NDArray[Any]
    bin_offset: npt.NDArray[Any]


class Limits(NamedTuple):
    """The rules that a row alone can break, in tokens, and the number of bins."""

    context_length: int
    max_chunk: int
    may_split: bool
    min_chunk: int
    extra_tokens: int
    align: int
    n_bins: int


class Before(NamedTuple):
    """The rows before: where the last chunk ends, its length, and the documents."""

    end: Integer = 0
    chunk_length: Integer = 0
    n_documents: int = 0


class Key(NamedTuple):
    """A key of hashes, random, and the low bits of a hash that are zero."""

    number: np.uint64
    zero_bits: np.uint64


class Bins(NamedTuple):
    """The bins that are summed up: neighbours, from `first_bin` on.

    `sums` holds, for the chunks of each bin, the hashes of their starts less those of
    their ends, modulo 2**64, and in the bits that are zero in hashes, their number;
    without such bits, `chunks` holds it, which has no elements otherwise. `groups`
    holds the group of one of the chunks plus 1, or -1 if their groups differ; it has no
    elements if rows have no groups. `first_chunks` holds the length of the chunk at the
    start; it has no elements if the order of bins does not depend on it. `hashes` are
    those of the first positions.
    """

    first_bin: int
    sums: npt.NDArray[np.uint64]
    chunks: npt.NDArray[np.uint32]
    groups: npt.NDArray[np.int32]
    first_chunks: npt.NDArray[np.int32]
    key: Key
    hashes: npt.NDArray[np.uint64]


@kernel
def mix(position: Any, key: Key) -> np.uint64:
    """Hash a position in a bin: the finalizer of MurmurHash3, of as many bits.

    Each step can be undone: a product with an odd number, and a number of so many bits
    with its upper half added, as bits, to its lower one.
    """
    ones = ~np.uint64(0) >> key.zero_bits
    half = (np.uint64(65) - key.zero_bits) >> np.uint64(1)
    z = (np.uint64(position) * np.uint64(0x9E3779B97F4A7C15) + key.number) & ones
    z = ((z ^ (z >> half)) * np.uint64(0xFF51AFD7ED558CCD)) & ones
    z = ((z ^ (z >> half)) * np.uint64(0xC4CEB9FE1A85EC53)) & ones
    return (z ^ (z >> half)) << key.zero_bits


@kernel
def unmix(hashed: np.uint64, key: Key) -> np.uint64:
    """Return the position of a hash: any number of as many bits."""
    ones = ~np.uint64(0) >> key.zero_bits
    half = (np.uint64(65) - key.zero_bits) >> np.uint64(1)
    z = hashed >> key.zero_bits
    z = ((z ^ (z >> half)) * np.uint64(0x9CB4B2F8129337DB)) & ones
    z = ((z ^ (z >> half)) * np.uint64(0x4F74430C22A54005)) & ones
    z = (z ^ (z >> half)) - key.number
    return (z * np.uint64(0xF1DE83E19937733D)) & ones


@kernel
def hash_positions(key: Key, hashes: npt.NDArray[np.uint64]) -> None:
    """Write the hashes of the first positions. Looked up, a row takes 1 ns less."""
    for position in range(hashes.size):
        hashes[position] = mix(position, key)


@kernel
def hash_of(position: Any, key: Key, hashes: npt.NDArray[np.uint64]) -> np.uint64:
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

    Return the first row that is wrong, and the reason; or the number of rows, and `OK`.
    What may be None is an argument of its own: Numba prunes by arguments alone.

    Parameters
    ----------
    document, groups
        The number of each row's document, from 0, and its group; or None.
    columns, limits, before
        The rows, the rules, and what is known of the rows before.
    tokens
        Output: the tokens of each document that ends in these rows. It ends at the
        start of the next: one element for each row that starts a document is enough.
    bins
        The sums of some bins, changed in place; rows of others are only checked.
    """
    context_length, max_chunk, may_split, min_chunk, extra_tokens, align, n_bins = (
        limits
    )
    first_bin, sums, chunks, bin_groups, first_chunks, key, hashes = bins
    has_nulls, chunk_start, chunk_length, bin, bin_offset = columns  # noqa: A001
    n = np.uint64(sums.size)
    end, last, n_documents = before
    # Unsigned: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    counted = one if key.zero_bits else np.uint64(0)
    n_ended = np.uint64(0)
    null = np.int64(-1 if has_nulls else 0)
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
        if length == 0 and has_nulls and target == -1 and offset == -1:
            continue
        if target < null:
            return np.int64(i), NEGATIVE_BIN
        if length == 0 or target < 0 or target >= n_bins:
            return np.int64(i), BAD_BIN
        if offset < null:
            return np.int64(i), NEGATIVE_OFFSET
        if offset < 0:
            return np.int64(i), BAD_OFFSET
        footprint = length + extra_tokens
        if align > 1:
            footprint += -footprint % align
            if offset % align != 0:
                return np.int64(i), BAD_OFFSET
        if offset + footprint > context_length:
            return np.int64(i), OVER_CAPACITY
        place = np.uint64(target - first_bin)
        if place < n:
            balance = hash_of(offset, key, hashes)
            balance -= hash_of(offset + footprint, key, hashes)
            sums[place] += balance + counted
            if chunks.size:
                chunks[place] += np.uint32(1)
            if groups is not None:
                group = groups[i] + 1
                is_same = bin_groups[place] == 0 or bin_groups[place] == group
                bin_groups[place] = group if is_same else -1
            if offset == 0 and first_chunks.size:
                first_chunks[place] = length
    return bin.size, OK


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
    _, sums, counts, groups, _, key, _ = bins
    empty = mix(0, key)
    full = empty - mix(context_length, key)
    counted = ~(~np.uint64(0) << key.zero_bits)
    for place in range(np.uint64(sums.size)):
        chunks = np.int64(counts[place] if counts.size else sums[place] & counted)
        balance = sums[place] & ~counted
        footprint = np.uint64(context_length)
        if balance != full:
            footprint = unmix(empty - balance, key)
            not_full += 1
        is_filled = np.uint64(0) < footprint <= np.uint64(context_length)
        is_mixed = groups.size > 0 and groups[place] < 0
        n_chunks += chunks
        total += np.int64(footprint)
        most = max(most, chunks)
        if not is_filled or is_mixed or chunks > max_chunks:
            wrong[n_wrong] = place
            n_wrong += 1
            if n_wrong == wrong.size:
                break
    totals["chunks"] = n_chunks
    totals["footprint"] = total
    totals["chunks_per_bin_max"] = most
    totals["bins_not_full"] = not_full
    return n_wrong
