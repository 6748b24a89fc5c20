"""Hash: chunks of values -> two hashes of 64 bits each, and their sums in buckets.

A hash is the sum of all values, each times a random key of its place, modulo 2**64:
multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast",
2014). Two chunks that differ have the same hash with a chance of 2**-33 at most, of
2**-44 if no token is above 2**20; both hashes, with its square. One multiplication a
value and hash, none waits for another: 0.6 ns a value.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

SECTION = 1 << 14
"""Places that have keys of their own, 256 KB. Longer chunks are hashed in sections."""


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread the bits of a hash: the finalizer of SplitMix64."""
    z = value + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def cut_documents(
    lengths: npt.NDArray[np.int64],
    max_chunk: int,
    min_chunk: int,
    may_split: bool,  # noqa: FBT001
    may_truncate: bool,  # noqa: FBT001
    documents: npt.NDArray[np.int64],
    chunk_starts: npt.NDArray[np.int64],
    chunk_lengths: npt.NDArray[np.int64],
) -> int:
    """Cut documents into chunks by the rules; return the number of chunks.

    Parameters
    ----------
    lengths
        The tokens of each document, shape (n,).
    max_chunk, min_chunk
        The longest chunk, and the shortest remainder of a longer document.
    may_split, may_truncate
        What is done with a longer document; if neither, it is dropped.
    documents, chunk_starts, chunk_lengths
        Outputs: the document of each chunk, its first token and its tokens. They have
        room for the chunks of all documents, if all are split.
    """
    n_chunks = 0
    for document in range(lengths.size):
        end = lengths[document]
        if end > max_chunk and not may_split:
            end = max_chunk if may_truncate else 0
        start = np.int64(0)
        while start < end:
            length = min(end - start, max_chunk)
            if start > 0 and length < min_chunk:
                break
            documents[n_chunks] = document
            chunk_starts[n_chunks] = start
            chunk_lengths[n_chunks] = length
            n_chunks += 1
            start += length
    return n_chunks


@kernel
def absorb(
    value: Any,
    place: Integer,
    keys: npt.NDArray[np.uint64],
    state: npt.NDArray[np.uint64],
) -> None:
    """Add one value at a place."""
    if place % SECTION == 0 and place > 0:
        state[0] = mix(state[0])
        state[1] = mix(state[1])
    bits = np.uint64(np.int64(value))
    bits ^= bits >> np.uint64(32)
    state[0] += bits * keys[0, place % SECTION]
    state[1] += bits * keys[1, place % SECTION]


@kernel
def hash_chunks(
    values: npt.NDArray[Any],
    positions: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    rooms: npt.NDArray[np.int64],
    before: int,
    after: int,
    fill: npt.NDArray[Any],
    keys: npt.NDArray[np.uint64],
    hashes: npt.NDArray[np.uint64],
) -> None:
    """Hash the room of each chunk in its sequence: chunk, extra tokens, and gap.

    Parameters
    ----------
    values
        The values of a column: integers of any width.
    positions, lengths
        The place of the first value of each chunk in `values`, and its values: (n,).
    rooms
        The values that each chunk takes in its sequence, with what is beside it: (n,).
    before, after
        The number of values before and behind each chunk, 0 or 1.
    fill
        The value before each chunk, that behind it, and that in the rest of its room:
        of the dtype of `values`.
    keys
        Random, shape (2, SECTION).
    hashes
        The hashes of each chunk by the columns before, shape (n, 2); changed in place.
    """
    state = np.zeros(2, np.uint64)
    for c in range(positions.size):
        state[0] = mix(hashes[c, 0])
        state[1] = mix(hashes[c, 1])
        place = np.int64(0)
        if before:
            absorb(fill[0], place, keys, state)
            place += 1
        start = positions[c]
        end = start + lengths[c]
        while start < end:
            # Up to the end of a section without a test for it, all but the first.
            absorb(values[start], place, keys, state)
            start += 1
            place += 1
            size = min(end - start, -place % SECTION)
            first = place % SECTION
            h0 = np.uint64(0)
            h1 = np.uint64(0)
            for i in range(size):
                bits = np.uint64(np.int64(values[start + i]))
                bits ^= bits >> np.uint64(32)
                h0 += bits * keys[0, first + i]
                h1 += bits * keys[1, first + i]
            state[0] += h0
            state[1] += h1
            start += size
            place += size
        if after:
            absorb(fill[1], place, keys, state)
            place += 1
        while place < rooms[c]:
            absorb(fill[2], place, keys, state)
            place += 1
        hashes[c, 0] = state[0]
        hashes[c, 1] = state[1]


@kernel
def add_to_buckets(
    buckets: npt.NDArray[np.int64],
    names: npt.NDArray[np.uint64],
    rooms: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    sums: npt.NDArray[np.uint64],
) -> None:
    """Add the hashes of chunks to the sums of their buckets.

    Parameters
    ----------
    buckets
        The bucket of each chunk: (n,).
    names, rooms, hashes
        What the chunks are compared by: a number of the document (and the place of the
        chunk in it), the values of the room, and its hashes: (n,), (n,) and (n, 2).
    sums
        The sums of each bucket, modulo 2**64, shape (n_buckets, 2); changed in place.
    """
    for c in range(buckets.size):
        what = mix(names[c] ^ mix(np.uint64(rooms[c])))
        sums[buckets[c], 0] += mix(hashes[c, 0] + what)
        sums[buckets[c], 1] += mix(hashes[c, 1] ^ what)
