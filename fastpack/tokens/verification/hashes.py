"""Hashes: the values of chunks -> their hashes, and the sums of these.

The chunks that documents should be cut into and those that are in sequences come in
different orders, too many to be held. They are the same if the sums of their hashes
are: in buckets of neighbouring documents, so that a difference has a place.
"""

import secrets
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.tokens.fill import Fill

UInt64Array: TypeAlias = npt.NDArray[np.uint64]

_N_BUCKETS = 1 << 16
"""Two sums of 16 bytes for each: 2 MB, whatever the number of documents."""

_NAME_BITS = 48
"""Names that are hashes are put into buckets by the bits above these: 16."""

EXPECTED, FOUND = 0, 1
"""The two sides that are compared."""


class HashedChunks(NamedTuple):
    """Some chunks.

    Parameters
    ----------
    names
        The number of each chunk's document; or a hash of the columns `keep` or of the
        tokens: uint64.
    identities
        A hash of what the sequences say of each chunk: its name, its first token in
        the document, and its length: uint64.
    rooms
        The values of each chunk with all that is added.
    hashes
        The hashes of these values: uint64, shape (n, 2).
    rows, parts
        For messages: the row of each chunk's document or sequence; and its first token,
        or its place there.
    """

    names: UInt64Array
    identities: UInt64Array
    rooms: Int64Array
    hashes: UInt64Array
    rows: Int64Array
    parts: Int64Array

    @classmethod
    def none(cls) -> "HashedChunks":
        """Return no chunks."""
        names, integers = np.empty(0, np.uint64), np.empty(0, np.int64)
        hashes = np.empty((0, 2), np.uint64)
        return cls(names, names, integers, hashes, integers, integers)

    def taking(self, which: npt.NDArray[np.bool_]) -> "HashedChunks":
        """Return some of the chunks."""
        columns: Any = (column[which] for column in self)
        return HashedChunks(*columns)

    def to_frame(self) -> pl.DataFrame:
        """Return a row a chunk."""
        columns = {**self._asdict(), "h0": self.hashes[:, 0], "h1": self.hashes[:, 1]}
        del columns["hashes"]
        return pl.DataFrame(columns)


class Places(NamedTuple):
    """Where chunks are among some values.

    Parameters
    ----------
    positions
        The place of the first value of each chunk.
    lengths
        The values of each.
    rooms
        The same with all that is added.
    """

    positions: Int64Array
    lengths: Int64Array
    rooms: Int64Array


class Bucket(NamedTuple):
    """Documents whose chunks are added up together: of equal ``name >> shift``."""

    number: int
    shift: int

    def of(self, chunks: HashedChunks) -> HashedChunks:
        """Return those of some chunks that are in the bucket."""
        return chunks.taking(chunks.names >> np.uint64(self.shift) == self.number)


class ChunkSums:
    """The sums of the hashes of all chunks, expected and found.

    Parameters
    ----------
    is_numbered
        Whether names are the numbers of documents.
    """

    def __init__(self, *, is_numbered: bool) -> None:
        self._shift = 0 if is_numbered else _NAME_BITS
        self._sums = np.zeros((2, _N_BUCKETS, 2), np.uint64)

    def add(self, side: int, chunks: HashedChunks) -> None:
        """Add chunks to one side."""
        largest = int(chunks.names.max(initial=0))
        while largest >> self._shift >= _N_BUCKETS:
            # Twice as many documents in each bucket.
            halves = self._sums.reshape(2, _N_BUCKETS // 2, 2, 2).sum(axis=2)
            self._sums[:] = 0
            self._sums[:, : _N_BUCKETS // 2] = halves
            self._shift += 1
        with np.errstate(over="ignore"):  # where kernels are plain Python
            kernels.hashing.add_to_buckets(
                (chunks.names >> np.uint64(self._shift)).astype(np.int64),
                chunks.identities,
                chunks.rooms,
                chunks.hashes,
                self._sums[side],
            )

    def first_difference(self) -> Bucket | None:
        """Return the first bucket whose chunks are not the same on both sides."""
        differ = (self._sums[EXPECTED] != self._sums[FOUND]).any(axis=1)
        if not differ.any():
            return None
        return Bucket(int(differ.argmax()), self._shift)


class ChunkHasher:
    """Hashes chunks by random keys: those of a process, unknown to any corpus.

    Parameters
    ----------
    with_starts, with_lengths
        Whether sequences say the first token and the length of each chunk.
    """

    def __init__(self, *, with_starts: bool, with_lengths: bool) -> None:
        random = np.random.default_rng(secrets.randbits(128))
        size = (2, kernels.hashing.SECTION)
        self._keys = random.integers(0, 2**64, size, np.uint64)
        factors = random.integers(0, 2**63, 3, np.uint64) * np.uint64(2) + np.uint64(1)
        self._factors = factors * np.array([1, with_starts, with_lengths], np.uint64)

    def add_values(
        self,
        hashes: UInt64Array,
        values: npt.NDArray[Any],
        places: Places,
        fill: Fill,
    ) -> None:
        """Add the values of a column to the hashes of chunks, as they are in sequences.

        Parameters
        ----------
        hashes
            The hashes of the chunks, shape (n, 2), changed in place.
        values
            The values of documents or of sequences.
        places
            The places of the chunks in `values`.
        fill
            The values that are added to them.
        """
        added = fill.values
        if values.dtype.kind == "f":  # bit by bit
            whole = np.dtype(f"u{values.itemsize}")
            values, added = values.view(whole), added.view(whole)
        with np.errstate(over="ignore"):  # where kernels are plain Python
            kernels.hashing.hash_chunks(
                values, *places, fill.before, fill.after, added, self._keys, hashes
            )

    def identify(
        self,
        names: UInt64Array,
        starts: Int64Array | None,
        lengths: Int64Array | None,
    ) -> UInt64Array:
        """Return a hash of the name, the first token and the length of each chunk."""
        identities: UInt64Array = names * self._factors[0]
        for column, factor in ((starts, self._factors[1]), (lengths, self._factors[2])):
            if column is not None:
                identities += (column.astype(np.uint64) + np.uint64(1)) * factor
        return identities
