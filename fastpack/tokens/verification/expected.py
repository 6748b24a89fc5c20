"""Expected chunks: documents and rules -> the chunks that sequences should hold.

The rule for long documents is told here again, although packing tells it too: a
verifier that used the packer's could not disprove it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.streaming import collect_in_batches
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.fill import fill_of
from fastpack.tokens.sequence_options import SequenceOptions
from fastpack.tokens.verification.hashes import ChunkHasher, HashedChunks, Places
from fastpack.tokens.verification.names import ChunkNames

_ROWS = 1 << 12
"""Documents that are read at a time."""


class ExpectedChunks:
    """The chunks of all documents.

    Parameters
    ----------
    documents
        The columns of documents, as `fastpack.tokens.selection` selects them.
    sequence_options, options
        The options of the sequences, and the rules of the packing.
    names
        The names of documents, as the sequences have them.
    hasher
        The hashes.

    Attributes
    ----------
    n_documents, n_chunks, n_tokens, packed : int
        The documents and chunks so far, the tokens of documents and those of chunks.
    """

    def __init__(
        self,
        documents: pl.LazyFrame,
        sequence_options: SequenceOptions,
        options: PackingOptions,
        names: ChunkNames,
        hasher: ChunkHasher,
    ) -> None:
        self._documents = documents
        self._sequence_options = sequence_options
        self._options = options
        self._names = names
        self._hasher = hasher
        self.n_documents = self.n_chunks = self.n_tokens = self.packed = 0

    def batches(self) -> Iterator[HashedChunks]:
        """Read the documents, and cut and hash them, batch by batch."""
        self.n_documents = self.n_chunks = self.n_tokens = self.packed = 0
        for batch in collect_in_batches(self._documents, _ROWS):
            yield self._cut(batch.rechunk())
            self.n_documents += batch.height

    def _cut(self, batch: pl.DataFrame) -> HashedChunks:
        tokens = self._sequence_options.tokens
        column = ListColumn(batch.get_column(tokens), self.n_documents)
        sizes = column.lengths.to_numpy().astype(np.int64)
        documents, starts, lengths = self._cut_documents(sizes)
        places = Places(
            positions=(np.cumsum(sizes) - sizes)[documents] + starts,
            lengths=lengths,
            rooms=self._options.footprints(lengths),
        )
        hashes = np.zeros((documents.size, 2), np.uint64)
        for name in (tokens, *self._sequence_options.columns):
            other = ListColumn(batch.get_column(name), self.n_documents)
            other.check_lockstep(tokens, column.lengths)
            (part,) = other.parts()  # the batch is in one piece
            fill = fill_of(name, other.dtype, other.numpy_dtype, self._sequence_options)
            self._hasher.add_values(hashes, part.array, places, fill)
        names = self._names.of_documents(batch, self.n_documents)
        names = hashes[:, 0] if names is None else names[documents]
        extra = self._options.extra_tokens
        self.n_chunks += documents.size
        self.n_tokens += int(sizes.sum())
        self.packed += int(lengths.sum())
        return HashedChunks(
            names=names,
            identities=self._hasher.identify(names, starts, lengths + extra),
            rooms=places.rooms,
            hashes=hashes,
            rows=documents + self.n_documents,
            parts=starts,
        )

    def values_of(self, row: int, part: int) -> dict[str, npt.NDArray[Any]]:
        """Read the values that a chunk should have, with all that is added, by column.

        Parameters
        ----------
        row, part
            The row of its document, and its first token there.
        """
        batch = self._documents.slice(row, 1).collect().rechunk()
        tokens, values = self._sequence_options.tokens, {}
        for name in (tokens, *self._sequence_options.columns):
            column = ListColumn(batch.get_column(name), row)
            sizes = column.lengths.to_numpy().astype(np.int64)
            _, starts, lengths = self._cut_documents(sizes)
            length = int(lengths[starts == part].max(initial=0))
            room = int(self._options.footprints(np.array([length]))[0])
            (found,) = column.parts()
            fill = fill_of(
                name, column.dtype, column.numpy_dtype, self._sequence_options
            )
            chunk = np.full(room, fill.values[2], column.numpy_dtype)
            chunk[: fill.before] = fill.values[0]
            end = fill.before + length
            chunk[fill.before : end] = found.array[part : part + length]
            chunk[end : end + fill.after] = fill.values[1]
            values[name] = chunk
        return values

    def _cut_documents(
        self, sizes: Int64Array
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return the document of each chunk, its first token and its tokens."""
        options = self._options
        longest = int(sizes.max(initial=0))
        if options.long_documents == "error" and longest > options.max_chunk:
            row = self.n_documents + int(sizes.argmax())
            msg = (
                f"document {row:,} has {longest:,} tokens, more than the "
                f"{options.max_chunk:,} of a chunk, and `long_documents` is 'error'"
            )
            raise VerificationError(msg)
        most = int((-(-sizes // options.max_chunk)).sum())
        columns = np.empty((3, most), np.int64)
        n_chunks = kernels.hashing.cut_documents(
            sizes,
            options.max_chunk,
            options.min_chunk,
            options.long_documents == "split",
            options.long_documents == "truncate",
            *columns,
        )
        documents, starts, lengths = columns[:, :n_chunks]
        return documents, starts, lengths
