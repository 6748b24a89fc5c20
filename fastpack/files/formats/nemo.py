"""NeMo and Megatron-Bridge: packed sequences as Parquet. Written, not read.

The columns are those of GPTSFTPackedParquetDataset: `input_ids`, `seq_start_id` (the
first token of each chunk), `loss_mask` (1 for each token that is trained on). The
loader pads by itself, so no padding is written. A column `loss_mask` is taken if the
sequences have it; else tokens are trained on whose `labels` are not -100, or else all.
The mask of a gap between chunks is 0. The loader shifts tokens and masks together: both
have the same place.
"""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.inputs import as_expression
from fastpack.documents.streaming import generate_lazily
from fastpack.errors import DataError
from fastpack.files.formats.boundary_columns import lengths_of, values_of
from fastpack.files.formats.chunks import BOUNDARIES, ChunkFinder, Chunks
from fastpack.files.formats.format import Format
from fastpack.files.formats.writing import Sequences, tokens_dtype
from fastpack.outputs import write_parquet
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.lists import as_lists

_MASK = "loss_mask"

_LABELS = "labels"

_IGNORED = -100
"""The label of a token that is not trained on: as in PyTorch's cross entropy."""

_ROW_GROUP_ROWS = 500
"""Sequences of a row group: the loader reads one whole, and holds it."""

_SCHEMA = pl.Schema(
    {
        "input_ids": pl.List(pl.Int32),
        "seq_start_id": pl.List(pl.Int32),
        _MASK: pl.List(pl.UInt8),
    }
)


def write_nemo(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write a Parquet file of three columns."""
    tokens_dtype(sequences)
    finder = sequences.chunk_finder()

    def tables(_: Sequence[str]) -> Generator[pl.DataFrame]:
        for block in sequences.blocks:
            yield _convert(block, sequences, finder)

    frame = generate_lazily(_SCHEMA, tables)
    write_parquet(
        frame,
        output,
        {"format": "nemo"},
        overwrite=overwrite,
        row_group_size=_ROW_GROUP_ROWS,
    )


def _convert(
    block: pl.DataFrame, sequences: Sequences, finder: ChunkFinder
) -> pl.DataFrame:
    tokens = sequences.tokens
    chunks = finder.find(block, lengths_of(ListColumn(block[tokens], 0)))
    ends = pl.lit(pl.Series(chunks.ends))
    starts = pl.Series(chunks.starts.astype(np.int32))
    bounds = np.append(0, np.cumsum(chunks.counts))
    flat = pl.Series(_mask_of(block, sequences.columns, chunks))
    masks = as_lists(flat, np.append(0, np.cumsum(chunks.n_tokens)))
    columns = {
        "input_ids": block.select(_as_lists(block, tokens).list.head(ends)).to_series(),
        "seq_start_id": as_lists(starts, bounds),
        _MASK: pl.select(pl.lit(masks).list.head(ends)).to_series(),
    }
    try:
        return pl.DataFrame(columns).cast(_SCHEMA)
    except PolarsError as error:
        msg = (
            f"the sequences do not fit the columns of NeMo: {error}\n"
            "Hint: tokens are int32 there, and a loss mask 0 or 1."
        )
        raise DataError(msg) from error


def _mask_of(
    block: pl.DataFrame, columns: Sequence[str], chunks: Chunks
) -> npt.NDArray[Any]:
    """Return the loss mask of each token, of all sequences."""
    mask = chunks.mask()
    name = next((name for name in (_MASK, _LABELS) if name in columns), None)
    if name is None:
        return mask.view(np.uint8)
    column = ListColumn(block[name], 0)
    if (lengths_of(column) != chunks.n_tokens).any():
        msg = (
            f"`{name}` does not have a value for each token\n"
            f"Hint: pack it in lockstep with the tokens: columns=[{name!r}]."
        )
        raise DataError(msg)
    values = values_of(column)
    if name == _LABELS:
        values = (values != _IGNORED).view(np.uint8)
    return np.where(mask, values, 0)


def _as_lists(block: pl.DataFrame, name: str) -> pl.Expr:
    column = as_expression(name)
    is_array = isinstance(block.schema[name], pl.Array)
    return column.arr.to_list() if is_array else column


NEMO = Format(
    "nemo",
    "NeMo, Megatron-Bridge: packed Parquet",
    (),
    write=write_nemo,
    output_suffix=".idx.parquet",
    holds=(*BOUNDARIES, _MASK, _LABELS),
)
