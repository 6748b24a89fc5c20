"""Layout: the assignment of a block -> where each of its chunks goes, as arrays."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.tokens.lists import as_lists

Int32Array = npt.NDArray[np.int32]


class Layout:
    """Where the chunks of a block go.

    Chunks come in the order of documents, except where it says *in order*: by sequence,
    then by their offset in it.

    Parameters
    ----------
    chunks
        The assignment table, without rows of which nothing is packed.
    n_bins
        The sequences, none of them empty.
    document_starts
        The number of each document's first token in the block.
    options
        The rules of the packing.
    is_padded
        Whether all sequences are L tokens long, or end with their last chunk.

    Attributes
    ----------
    document, chunk_start, lengths, bins, bin_offsets : numpy.ndarray
        The columns of the assignment table.
    first, rows : numpy.ndarray
        As `fastpack.kernels.ordering.order_by_bin` gives them: the place of the first
        chunk of each sequence in order, and the chunk at each place.
    """

    def __init__(
        self,
        chunks: pl.DataFrame,
        n_bins: int,
        document_starts: Int64Array,
        options: PackingOptions,
        *,
        is_padded: bool,
    ) -> None:
        self.chunks = chunks
        self.n_bins = n_bins
        self.is_padded = is_padded
        self._document_starts = document_starts
        self._options = options
        self._context_length = options.context_length
        self.document: Int64Array = chunks["document"].to_numpy()
        self.chunk_start: Int64Array = chunks["chunk_start"].to_numpy()
        self.lengths: Int32Array = chunks["chunk_length"].to_numpy()
        self.bins: Int64Array = chunks["bin"].to_numpy()
        self.bin_offsets: Int32Array = chunks["bin_offset"].to_numpy()
        self.first, rows = kernels.ordering.order_by_bin(
            self.bins, self.bin_offsets, n_bins, options.context_length
        )
        self.rows = rows.astype(np.intp)  # NumPy would convert them at each use

    @cached_property
    def starts(self) -> Int64Array:
        """The number of each chunk's first token in the block."""
        starts: Int64Array = self._document_starts[self.document]
        starts += self.chunk_start
        return starts

    @cached_property
    def ends(self) -> Int64Array:
        """The end of the last chunk of each sequence, with what is added to it."""
        last = self.rows[self.first[1:] - 1]
        ends: Int64Array = self.bin_offsets[last].astype(np.int64)
        ends += self.footprints(self.lengths[last])
        return ends

    @cached_property
    def sequence_starts(self) -> Int64Array:
        """The number of the first value of each sequence, and of all: (n_bins + 1,)."""
        if self.is_padded:
            return np.arange(self.n_bins + 1, dtype=np.int64) * self._context_length
        starts = np.zeros(self.n_bins + 1, np.int64)
        np.cumsum(self.ends, out=starts[1:])
        return starts

    @property
    def n_values(self) -> int:
        """The values of all sequences."""
        return int(self.sequence_starts[-1])

    @cached_property
    def places(self) -> Int64Array:
        """The number of the first value of each chunk's footprint in the sequences."""
        places: Int64Array = self.sequence_starts[self.bins]
        places += self.bin_offsets
        return places

    def with_extra(self, lengths: Int32Array) -> Int32Array:
        """Return the lengths of chunks with the tokens that are added to each."""
        extra = self._options.extra_tokens
        return lengths + np.int32(extra) if extra else lengths

    def footprints(self, lengths: Int32Array) -> Int32Array:
        """Return the lengths of chunks with all that is added behind them."""
        return self._options.footprints(lengths.astype(np.int64)).astype(np.int32)

    @cached_property
    def gaps(self) -> tuple[Int64Array, Int32Array]:
        """Return the first value and the length of each run of padding."""
        places = self.places[self.rows]
        starts = places + self.with_extra(self.lengths[self.rows])
        ends = np.append(places[1:], self.n_values)
        ends[self.first[1:] - 1] = self.sequence_starts[1:]
        is_gap = ends > starts
        return starts[is_gap], (ends[is_gap] - starts[is_gap]).astype(np.int32)

    def as_sequences(self, values: pl.Series) -> pl.Series:
        """Return the values of all sequences as lists, or as arrays of L values."""
        if self.is_padded:
            return values.reshape((self.n_bins, self._context_length))
        return as_lists(values, self.sequence_starts)

    def without(self, left_out: npt.NDArray[np.bool_]) -> "Layout":
        """Return the layout without some sequences; the others keep their order."""
        numbers = np.cumsum(~left_out) - 1
        stays = ~left_out[self.bins]
        chunks = self.chunks.filter(pl.Series(stays))
        return Layout(
            chunks.with_columns(pl.Series("bin", numbers[self.bins[stays]])),
            int(np.count_nonzero(~left_out)),
            self._document_starts,
            self._options,
            is_padded=self.is_padded,
        )
