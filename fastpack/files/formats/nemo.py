"""NeMo and Megatron-Bridge: packed sequences as Parquet. Written, not read.

The columns are those of GPTSFTPackedParquetDataset: `input_ids`, `seq_start_id` (the
first token of each chunk), `loss_mask` (1 for each token that is trained on). The
loader pads by itself, so no padding is written. A column `loss_mask` is taken if the
sequences have it; else all tokens are trained on.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.inputs import as_expression
from fastpack.documents.streaming import generate_lazily
from fastpack.errors import DataError
from fastpack.files.formats.format import Format
from fastpack.files.formats.writing import (
    Sequences,
    chunks_of,
    lengths_of,
    tokens_dtype,
)
from fastpack.outputs import write_parquet
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.lists import as_lists

_MASK = "loss_mask"

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

    def tables(_: Sequence[str]) -> Generator[pl.DataFrame]:
        for block in sequences.blocks:
            yield _convert(block, sequences.tokens)

    frame = generate_lazily(_SCHEMA, tables)
    write_parquet(
        frame,
        output,
        {"format": "nemo"},
        overwrite=overwrite,
        row_group_size=_ROW_GROUP_ROWS,
    )


def _convert(block: pl.DataFrame, tokens: str) -> pl.DataFrame:
    n_tokens = lengths_of(ListColumn(block[tokens], 0))
    chunks = chunks_of(block, n_tokens)
    ends = pl.lit(pl.Series(chunks.ends))
    starts = pl.Series(chunks.starts.astype(np.int32))
    bounds = np.append(0, np.cumsum(chunks.counts))
    ids = block.select(_as_lists(block, tokens).list.head(ends)).to_series()
    if _MASK in block.columns:
        masks = block.select(_as_lists(block, _MASK).list.head(ends)).to_series()
        if (masks.list.len() != ids.list.len()).any():
            msg = (
                f"`{_MASK}` does not have a value for each token\n"
                "Hint: pack it in lockstep with the tokens: columns=['loss_mask']."
            )
            raise DataError(msg)
    else:
        ones = pl.repeat(1, int(chunks.ends.sum()), dtype=pl.UInt8, eager=True)
        masks = as_lists(ones, np.append(0, np.cumsum(chunks.ends)))
    columns = {"input_ids": ids, "seq_start_id": as_lists(starts, bounds), _MASK: masks}
    try:
        return pl.DataFrame(columns).cast(_SCHEMA)
    except PolarsError as error:
        msg = (
            f"the sequences do not fit the columns of NeMo: {error}\n"
            "Hint: tokens are int32 there, and a loss mask 0 or 1."
        )
        raise DataError(msg) from error


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
)
