"""Parquet: a table, of which only the columns that are asked for are read."""

from pathlib import Path

import polars as pl

from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.parquet_footer import read_row_groups


def _open(path: Path, _: Request) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False)


PARQUET = Format(
    "parquet", "Parquet tables", (".parquet", ".pq"), _open, parts=read_row_groups
)
