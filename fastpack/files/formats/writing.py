"""Writing: what the formats share that training sequences are written in.

A writer takes sequences as `pack_tokens` gives them, a row each, block by block, and
holds no more than a block and what its format puts in an index. Its files get their
names when all is written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from fastpack.files.formats.chunks import ChunkFinder, KnownLayout
from fastpack.tokens.columns import ListColumn, check_dtype


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
    columns
        The names of the columns that are to be written; the others are boundaries.
    layout
        Their layout, as far as it is known.
    """

    blocks: Iterable[pl.DataFrame]
    schema: pl.Schema
    tokens: str
    columns: Sequence[str]
    layout: KnownLayout

    def chunk_finder(self) -> ChunkFinder:
        """Return a finder of their chunks; raise as that does."""
        return ChunkFinder(self.schema, self.tokens, self.layout)


class Writer(Protocol):
    """Writes sequences to a file or folder; replaces an earlier one if it may."""

    def __call__(self, sequences: Sequences, output: Path, *, overwrite: bool) -> None:
        """Write sequences."""


def tokens_dtype(sequences: Sequences) -> np.dtype[np.integer]:
    """Return the dtype of the tokens."""
    name, dtype = sequences.tokens, sequences.schema[sequences.tokens]
    check_dtype(name, dtype, only_integers=True)
    return ListColumn(pl.Series(name, [], dtype), 0).numpy_dtype
