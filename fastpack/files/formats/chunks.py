"""Chunks of training sequences that are written: boundaries -> where each chunk lies.

What boundaries mean is at `fastpack.pack_tokens`. `segment_ids` say all. Of the others,
`seq_lengths` say how long chunks are, and `cu_seqlens`, `seq_start_id` or
`position_ids` where they start; either is enough if there are no gaps of `align`
between chunks, and if it is known where padding begins.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.files.formats.boundary_columns import (
    add_up,
    misfit_error,
    read_cu_seqlens,
    read_lists,
    read_position_ids,
    read_segment_ids,
    read_starts,
    values_of,
)
from fastpack.tokens.columns import ListColumn

STARTS = ("cu_seqlens", "seq_start_id", "position_ids")
"""The boundaries that say where chunks start, those first that say the most."""

BOUNDARIES = ("segment_ids", "seq_lengths", *STARTS)

_MANY_STARTS = 32
"""As many starts are not all multiples of 2 by chance."""


class Chunks(NamedTuple):
    """Where the chunks lie in each sequence of a block.

    Parameters
    ----------
    counts
        The chunks of each sequence, shape (n,).
    starts
        The first token of each chunk in its sequence, of all sequences.
    lengths
        The tokens of each chunk; a gap of `align` may follow.
    n_tokens
        The tokens of each sequence, with gaps and padding, shape (n,).
    """

    counts: Int64Array
    starts: Int64Array
    lengths: Int64Array
    n_tokens: Int64Array

    @property
    def ends(self) -> Int64Array:
        """The end of the last chunk of each sequence: padding may follow."""
        ends = np.zeros_like(self.n_tokens)
        has_chunks = self.counts > 0
        last = np.cumsum(self.counts)[has_chunks] - 1
        ends[has_chunks] = self.starts[last] + self.lengths[last]
        return ends

    @property
    def gaps(self) -> Int64Array:
        """The tokens between the end of each chunk and the next one, or the end."""
        following = np.append(self.starts[1:], 0)
        has_chunks = self.counts > 0
        last = np.cumsum(self.counts)[has_chunks] - 1
        following[last] = self.n_tokens[has_chunks]
        return following - self.starts - self.lengths

    def pieces(self) -> tuple[Int64Array, Int64Array]:
        """Return the pieces of each sequence: its chunks, gaps, and padding.

        Returns
        -------
        counts, lengths
            The pieces of each sequence, and the tokens of each piece.
        """
        lengths = np.stack([self.lengths, self.gaps], axis=1)
        is_piece = lengths > 0
        is_piece[:, 0] = True
        # A sequence of padding alone.
        is_empty = (self.counts == 0) & (self.n_tokens > 0)
        places = np.cumsum(self.counts)[is_empty]
        lengths = np.insert(lengths, places, 0, axis=0)
        is_piece = np.insert(is_piece, places, values=False, axis=0)
        chunk_counts = self.counts + is_empty
        is_padding = np.flatnonzero(is_empty)
        new = np.cumsum(chunk_counts)[is_padding] - 1
        lengths[new, 1] = self.n_tokens[is_padding]
        is_piece[new, 1] = True
        rows = np.repeat(np.arange(self.counts.size), chunk_counts)
        n_pieces = is_piece.sum(axis=1)
        counts = np.bincount(rows, n_pieces, self.counts.size).astype(np.int64)
        return counts, lengths[is_piece]

    def outside(self) -> Int64Array:
        """Return the places of the tokens in no chunk, among those of all sequences."""
        firsts = np.cumsum(self.n_tokens) - self.n_tokens
        ends = self.starts + self.lengths + np.repeat(firsts, self.counts)
        is_empty = self.counts == 0
        starts = np.concatenate([ends, firsts[is_empty]])
        lengths = np.concatenate([self.gaps, self.n_tokens[is_empty]])
        before = np.cumsum(lengths) - lengths
        places: Int64Array = np.repeat(starts - before, lengths)
        places += np.arange(places.size)
        return places

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return whether each token, of all sequences, is that of a chunk."""
        mask = np.ones(int(self.n_tokens.sum()), np.bool_)
        mask[self.outside()] = False
        return mask

    def check(self) -> None:
        """Refuse chunks that are not in their sequences, one after the other."""
        firsts = (np.cumsum(self.counts) - self.counts)[self.counts > 0]
        if (
            (self.lengths < 0).any()
            or (self.gaps < 0).any()
            or self.starts[firsts].any()
        ):
            raise misfit_error()


class KnownLayout(NamedTuple):
    """The layout of sequences, as far as it is known beside their columns.

    Parameters
    ----------
    align
        The multiples at which chunks start; None if it is not known: then it is 1, if
        the sequences do not look otherwise.
    is_padded
        Whether they are padded; None if it is not known.
    """

    align: int | None = None
    is_padded: bool | None = None


class ChunkFinder:
    """Finds the chunks of sequences, block by block.

    Parameters
    ----------
    schema
        The columns of the sequences.
    tokens
        The name of the column of tokens.
    layout
        Their layout, as far as it is known beside them.

    Raises
    ------
    DataError
        The columns do not say where the chunks lie.
    """

    def __init__(self, schema: pl.Schema, tokens: str, layout: KnownLayout) -> None:
        self._tokens = tokens
        self._align, self._is_padded = layout
        self._is_array = isinstance(schema[tokens], pl.Array)
        self._n_tokens: int | None = None
        self._padding: int | None = None
        self._start = next((name for name in STARTS if name in schema), None)
        self._has_lengths = "seq_lengths" in schema
        self._has_segments = "segment_ids" in schema
        if self._has_lengths or self._has_segments:
            return
        # Lists without any boundary are documents: a chunk each.
        if self._start is None and (self._is_array or layout.is_padded is not None):
            raise _unknown_error(None)
        if self._start is not None and (layout.align or 1) > 1:
            raise _unknown_error(self._start)

    def find(self, block: pl.DataFrame, n_tokens: Int64Array) -> Chunks:
        """Return the chunks of each sequence of the next block.

        Raises
        ------
        DataError, DataTypeError
            The boundaries do not fit the tokens, or do not say enough.
        """
        if self._has_segments:
            chunks = Chunks(*read_segment_ids(block["segment_ids"], n_tokens), n_tokens)
        elif self._has_lengths:
            counts, lengths = read_lists(block["seq_lengths"])
            if self._start is not None:
                starts = read_starts(block[self._start], n_tokens, counts)
            else:
                starts = add_up(counts, lengths, self._align or 1)
            chunks = Chunks(counts, starts, lengths, n_tokens)
        elif self._start is not None:
            chunks = self._of_starts(block[self._start], n_tokens)
        else:
            n = block.height
            chunks = Chunks(
                np.ones(n, np.int64), np.zeros(n, np.int64), n_tokens, n_tokens
            )
        chunks.check()
        if self._start is None and not self._has_segments:
            self._check_padding(block, chunks)
        return chunks

    def _of_starts(self, series: pl.Series, n_tokens: Int64Array) -> Chunks:
        """Return chunks of which each ends where the next one starts."""
        name = series.name
        if name == "cu_seqlens":
            counts, starts, ends = read_cu_seqlens(series)
        else:
            counts, starts = (
                read_lists(series)
                if name == "seq_start_id"
                else read_position_ids(series, n_tokens)
            )
            ends = n_tokens
            self._check_ends(name, counts, starts, n_tokens)
        chunks = Chunks(counts, starts, np.zeros_like(starts), n_tokens)
        padding = (n_tokens - ends)[counts > 0]
        lengths = chunks.gaps
        lengths[np.cumsum(counts)[counts > 0] - 1] -= padding
        many = starts[starts > 0]
        if self._align is None and many.size >= _MANY_STARTS:
            common = int(np.gcd.reduce(many))
            if common > 1:
                msg = (
                    f"all chunks start at multiples of {common}, and `{name}` does not "
                    "say whether there are gaps between them\n"
                    "Hint: pass the `align` that the sequences were packed with: 1 if "
                    "there are none."
                )
                raise DataError(msg)
        return chunks._replace(lengths=lengths)

    def _check_ends(
        self, name: str, counts: Int64Array, starts: Int64Array, n_tokens: Int64Array
    ) -> None:
        """Refuse sequences in which padding may follow the last chunk."""
        if not n_tokens.size:
            return
        if self._n_tokens is None:
            self._n_tokens = int(n_tokens[0])
        # Lists of several lengths were not filled up.
        if self._is_padded is None and (n_tokens != self._n_tokens).any():
            self._is_padded = False
        if self._is_padded is False:
            return
        if name == "position_ids":
            # Padding has the position 0, as has the first token of a chunk.
            last = np.cumsum(counts)[counts > 0] - 1
            if (starts[last] < n_tokens[counts > 0] - 1).all():
                return
        raise _unknown_error(name)

    def _check_padding(self, block: pl.DataFrame, chunks: Chunks) -> None:
        """Refuse tokens of several kinds behind chunks: some are of chunks."""
        if not chunks.gaps.any():
            return
        outside = values_of(ListColumn(block[self._tokens], 0))[chunks.outside()]
        if self._padding is None:
            self._padding = int(outside[0])
        if (outside != self._padding).any():
            msg = (
                "`seq_lengths` leave out tokens that are no padding: they differ\n"
                "Hint: pass the `align` that the sequences were packed with, or pack "
                "with boundaries='cu_seqlens' beside 'seq_lengths'."
            )
            raise DataError(msg)


def _unknown_error(name: str | None) -> DataError:
    """Return the error of a boundary that is not enough, or of none."""
    problem = (
        "no column says where the chunks lie"
        if name is None
        else f"`{name}` alone does not say where chunks end, and padding or gaps begin"
    )
    msg = (
        f"{problem}\n"
        "Hint: pack with boundaries=['seq_lengths', 'cu_seqlens'], or 'segment_ids'."
    )
    return DataError(msg)
