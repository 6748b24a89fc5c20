"""Writing: what the formats share that training sequences are written in.

A writer takes sequences as `pack_tokens` gives them, a row each, block by block, and
holds no more than a block and what its format puts in an index. Its files get their
names when all is written.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from fastpack.errors import DataError, DataTypeError
from fastpack.files.formats.binary import Int64Array
from fastpack.tokens.columns import ListColumn


class Sequences(NamedTuple):
    """Training sequences to be written.

    Parameters
    ----------
    blocks
        The sequences, in their order, some at a time.
    schema
        Their columns.
    tokens
        The name of the column of tokens.
    """

    blocks: Iterable[pl.DataFrame]
    schema: pl.Schema
    tokens: str


class Writer(Protocol):
    """Writes sequences to a file or folder; replaces an earlier one if it may."""

    def __call__(self, sequences: Sequences, output: Path, *, overwrite: bool) -> None:
        """Write sequences."""


class Chunks(NamedTuple):
    """Where the chunks lie in each sequence of a block.

    Parameters
    ----------
    counts
        The chunks of each sequence, shape (n,).
    starts
        The first token of each chunk in its sequence, of all sequences.
    ends
        The end of the last chunk of each sequence: padding may follow. Shape (n,).
    """

    counts: Int64Array
    starts: Int64Array
    ends: Int64Array

    def pieces(self, n_tokens: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the pieces of each sequence: its chunks, and the padding, if any.

        What lies between two chunks belongs to the first of them.

        Returns
        -------
        counts, lengths
            The pieces of each sequence, and the tokens of each piece.
        """
        padding = n_tokens - self.ends
        counts = self.counts + (padding > 0)
        is_padding = np.zeros(int(counts.sum()), np.bool_)
        is_padding[np.cumsum(counts)[padding > 0] - 1] = True
        lengths = np.empty(len(is_padding), np.int64)
        lengths[is_padding] = padding[padding > 0]
        lengths[~is_padding] = self._chunk_ends() - self.starts
        return counts, lengths

    def _chunk_ends(self) -> Int64Array:
        ends = np.append(self.starts[1:], 0)
        has_chunks = self.counts > 0
        ends[np.cumsum(self.counts)[has_chunks] - 1] = self.ends[has_chunks]
        return ends

    def check(self, n_tokens: Int64Array) -> None:
        """Refuse chunks that are not in their sequences, one after the other."""
        ends = self._chunk_ends()
        firsts = (np.cumsum(self.counts) - self.counts)[self.counts > 0]
        if (
            (ends < self.starts).any()
            or (self.ends > n_tokens).any()
            or self.starts[firsts].any()
        ):
            msg = (
                "the boundaries do not fit the tokens of their sequences\n"
                "Hint: write the columns as pack_tokens made them."
            )
            raise DataError(msg)


def chunks_of(block: pl.DataFrame, n_tokens: Int64Array) -> Chunks:
    """Return the chunks of each sequence, by its boundaries.

    Of these, `cu_seqlens` says all. `seq_lengths` does, if there are no gaps of `align`
    between chunks; `seq_start_id`, if there is no padding. Without any, a sequence is
    one chunk.
    """
    n = block.height
    if "cu_seqlens" in block.columns:
        counts, values = _flatten(block["cu_seqlens"])
        last = np.cumsum(counts) - 1
        is_start = np.ones(len(values), np.bool_)
        is_start[last] = False
        chunks = Chunks(counts - 1, values[is_start], values[last])
    elif "seq_lengths" in block.columns:
        counts, lengths = _flatten(block["seq_lengths"])
        sums = np.append(0, np.cumsum(lengths))
        bounds = np.append(0, np.cumsum(counts))
        firsts = np.repeat(sums[bounds[:-1]], counts)
        if "seq_start_id" in block.columns:
            counts, starts = _flatten(block["seq_start_id"])
            ends = np.zeros(n, np.int64)
            has_chunks = counts > 0
            last = np.cumsum(counts)[has_chunks] - 1
            ends[has_chunks] = starts[last] + lengths[last]
            chunks = Chunks(counts, starts, ends)
        else:
            chunks = Chunks(counts, sums[:-1] - firsts, np.diff(sums[bounds]))
    elif "seq_start_id" in block.columns:
        chunks = Chunks(*_flatten(block["seq_start_id"]), n_tokens)
    else:
        chunks = Chunks(np.ones(n, np.int64), np.zeros(n, np.int64), n_tokens)
    chunks.check(n_tokens)
    return chunks


def lengths_of(column: ListColumn) -> Int64Array:
    """Return the number of values in each row."""
    return column.lengths.cast(pl.Int64).to_numpy()


def _flatten(series: pl.Series) -> tuple[Int64Array, Int64Array]:
    """Return the number of values in each row, and the values."""
    column = ListColumn(series, 0)
    if not column.dtype.is_integer():
        msg = f"`{series.name}` must hold lists of integers, got {series.dtype}"
        raise DataTypeError(msg)
    values = [part.array.astype(np.int64) for part in column.parts()]
    return lengths_of(column), np.concatenate([np.empty(0, np.int64), *values])


def tokens_dtype(sequences: Sequences) -> np.dtype[np.integer]:
    """Return the dtype of the tokens."""
    empty = pl.Series(sequences.tokens, [], sequences.schema[sequences.tokens])
    column = ListColumn(empty, 0)
    if not column.dtype.is_integer():
        msg = (
            f"`{sequences.tokens}` must hold lists of integers, got {empty.dtype}\n"
            "Hint: name the column of tokens."
        )
        raise DataTypeError(msg)
    return column.numpy_dtype
