"""Columns: those of an assignment, of any type that can hold integers -> integers."""

from collections.abc import Iterable

import polars as pl

from fastpack.documents.inputs import RESERVED_COLUMNS, check_names
from fastpack.errors import DataTypeError
from fastpack.schemas import ASSIGNMENT_SCHEMA

COLUMNS = tuple(name for name in ASSIGNMENT_SCHEMA if name != "document")
"""The columns that every assignment has."""

_TEXTS = (pl.String, pl.Categorical, pl.Enum)

_PARTS_OF_INT64 = (pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.UInt32)


def check_columns(schema: pl.Schema) -> None:
    """Refuse a table that is no assignment, by its schema."""
    check_names(schema.names(), "assignment", COLUMNS)
    for name in COLUMNS:
        if not holds_numbers(schema[name]):
            msg = (
                f"`{name}` must hold integers, got {schema[name]}\n"
                "Hint: pass the table that fastpack.pack gives."
            )
            raise DataTypeError(msg)


def holds_numbers(dtype: pl.DataType) -> bool:
    """Say whether a column may hold integers: if its values are, or if all are null.

    Other libraries make floats or decimals of integers: pandas, if some are null.
    """
    return dtype.is_numeric() or dtype == pl.Null


def shared_names(table: pl.Schema, documents: Iterable[str]) -> list[str] | None:
    """Return the columns of an assignment that documents have, too; None if none.

    They name documents: none is a column that the assignment has of its own.
    """
    others = set(documents).difference(RESERVED_COLUMNS)
    return [name for name in table if name in others] or None


def can_compare(ours: pl.DataType, others: pl.DataType | None) -> bool:
    """Say whether names of two types, None for an absent one, can be the same."""
    if others is None or ours == pl.Object:
        return False
    return (
        ours == others
        or all(dtype in _TEXTS for dtype in (ours, others))
        or (ours.is_integer() and others.is_integer())
    )


def find_other_name(ours: pl.Series, others: pl.Series) -> int | None:
    """Return the first place where names of types that can be compared differ."""
    if ours.dtype != others.dtype or ours.dtype in _TEXTS:
        common = pl.Int128 if ours.dtype.is_integer() else pl.String
        ours, others = ours.cast(common), others.cast(common)
    is_same = ours.eq_missing(others)
    return None if is_same.all() else is_same.arg_min()


def rows_of_bin(table: pl.LazyFrame, number: int) -> pl.DataFrame:
    """Return the rows of a bin, in the order in which they fill it."""
    rows = table.with_row_index("row").filter(pl.col("bin") == number)
    return rows.sort("bin_offset").collect()


def as_integers(column: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Return a column as Int32 or Int64; NaN is null.

    Beside it, which values are no integers, or too large for Int64: these are null in
    the column. None if there cannot be any.
    """
    dtype = column.dtype
    if dtype in (pl.Int32, pl.Int64):
        return column, None
    if dtype.is_float():
        column = column.fill_nan(None)
    numbers = column.cast(pl.Int64, strict=False)
    if dtype == pl.Null or dtype in _PARTS_OF_INT64:
        return numbers, None
    is_same = numbers.cast(dtype, strict=False).eq_missing(column)
    return numbers.set(~is_same, None), ~is_same
