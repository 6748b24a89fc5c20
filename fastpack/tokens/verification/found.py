"""Found chunks: the rows of sequences -> their chunks, after each row is checked."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.streaming import collect_in_batches
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.fill import fill_of
from fastpack.tokens.sequence_options import SequenceOptions
from fastpack.tokens.verification.boundaries import FoundLayout, count_up
from fastpack.tokens.verification.hashes import ChunkHasher, HashedChunks, Places
from fastpack.tokens.verification.layouts import (
    LayoutReader,
    read_lists,
    wrong_sequences,
)
from fastpack.tokens.verification.names import ChunkNames

_CHUNK_STARTS = "chunk_starts"

_VALUES = 1 << 21
"""Tokens of sequences that are read at a time."""


class FoundChunks:
    """The chunks of all sequences.

    Parameters
    ----------
    sequences
        The sequences, a row each.
    sequence_options, options
        The options of the sequences, and the rules of the packing.
    layouts, names
        The reader of their layouts, and the names of their chunks.
    hasher
        The hashes.

    Attributes
    ----------
    n_sequences, n_chunks, used, not_full, chunks_max : int
        The sequences and chunks so far; the tokens of these with all that is added; the
        sequences that have fewer than L such tokens; the most chunks of a sequence.
    """

    def __init__(
        self,
        sequences: pl.LazyFrame,
        sequence_options: SequenceOptions,
        options: PackingOptions,
        *,
        layouts: LayoutReader,
        names: ChunkNames,
        hasher: ChunkHasher,
    ) -> None:
        self._sequences = sequences
        self._sequence_options = sequence_options
        self._options = options
        self._layouts = layouts
        self._names = names
        self._hasher = hasher
        self._start()

    def _start(self) -> None:
        self.n_sequences = self.n_chunks = self.used = 0
        self.not_full = self.chunks_max = 0

    def batches(self) -> Iterator[HashedChunks]:
        """Read the sequences, check and hash them, batch by batch."""
        self._start()
        n_rows = max(1, _VALUES // self._options.context_length)
        for batch in collect_in_batches(self._sequences, n_rows):
            yield self._read(batch.rechunk())
            self.n_sequences += batch.height

    def values_of(self, row: int, part: int) -> dict[str, npt.NDArray[Any]]:
        """Read the values of a chunk, with all that is added, by column.

        Parameters
        ----------
        row, part
            The row of its sequence, and its number there.
        """
        batch = self._sequences.slice(row, 1).collect().rechunk()
        tokens, values = self._sequence_options.tokens, {}
        for name in (tokens, *self._sequence_options.columns):
            column = ListColumn(batch.get_column(name), row)
            sizes = column.lengths.to_numpy().astype(np.int64)
            layout = self._layouts.read(batch, sizes, row)
            start = layout.offsets[part]
            (found,) = column.parts()
            values[name] = found.array[start : start + layout.rooms[part]]
        return values

    def _read(self, batch: pl.DataFrame) -> HashedChunks:
        tokens = self._sequence_options.tokens
        first_row = self.n_sequences
        column = ListColumn(batch.get_column(tokens), first_row)
        sizes = column.lengths.to_numpy().astype(np.int64)
        layout = self._layouts.read(batch, sizes, first_row)
        rooms = layout.rooms
        positions = (np.cumsum(sizes) - sizes)[layout.sequences] + layout.offsets
        hashes = np.zeros((rooms.size, 2), np.uint64)
        for name in (tokens, *self._sequence_options.columns):
            other = ListColumn(batch.get_column(name), first_row)
            wrong_sequences(
                other.lengths.to_numpy() != sizes,
                first_row,
                f"has not as many `{name}` as tokens",
            )
            (part,) = other.parts()  # the batch is in one piece
            fill = fill_of(name, other.dtype, other.numpy_dtype, self._sequence_options)
            if self._sequence_options.pad_id is not None:
                is_padded = _is_padded(part.array, sizes, layout, fill.values[2])
                what = f"has other `{name}` than padding behind its last chunk"
                wrong_sequences(~is_padded, first_row, what)
            # What is added to a chunk is found in its room.
            fill = fill._replace(before=0, after=0)
            places = Places(positions, rooms, rooms)
            self._hasher.add_values(hashes, part.array, places, fill)
        names = self._names.of_chunks(batch, layout, first_row)
        if names is None:
            names = hashes[:, 0]
        starts = None
        if _CHUNK_STARTS in batch.columns:
            lists = read_lists(batch, _CHUNK_STARTS, first_row)
            wrong_sequences(
                lists.lengths != layout.n_chunks,
                first_row,
                f"has not as many `{_CHUNK_STARTS}` as chunks",
            )
            starts = lists.values
        used = layout.used
        self.n_chunks += rooms.size
        self.used += int(used.sum())
        self.not_full += int(np.count_nonzero(used < self._options.context_length))
        self.chunks_max = max(self.chunks_max, int(layout.n_chunks.max(initial=0)))
        return HashedChunks(
            names=names,
            identities=self._hasher.identify(names, starts, layout.lengths),
            rooms=rooms,
            hashes=hashes,
            rows=layout.sequences + first_row,
            parts=layout.numbers,
        )


def _is_padded(
    values: npt.NDArray[Any], sizes: Int64Array, layout: FoundLayout, pad: Any
) -> npt.NDArray[np.bool_]:
    """Say which sequences hold only padding behind their last chunk."""
    n_padding = sizes - layout.used
    behind = values[count_up(np.cumsum(sizes) - n_padding, n_padding)]
    is_other = behind != pad
    if pad != pad:  # noqa: PLR0124 -- NaN
        is_other = ~np.isnan(behind)
    is_padded = np.ones(sizes.size, np.bool_)
    is_padded[np.repeat(np.arange(sizes.size), n_padding)[is_other]] = False
    return is_padded
