"""Parquet: a table, of which only the columns that are asked for are read."""

import polars as pl

from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.parquet_footer import read_row_groups
from fastpack.storage.access import for_polars
from fastpack.storage.location import Location


def _open(path: Location, _: Request) -> pl.LazyFrame:
    return pl.scan_parquet(**for_polars(path), glob=False)


PARQUET = Format(
    "parquet",
    "Parquet tables",
    (".parquet", ".pq"),
    _open,
    parts=read_row_groups,
    open_object=_open,
)
