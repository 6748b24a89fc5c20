"""Inputs: the data of users -> a frame, a checked column of lengths, arrays.

The one place that looks at types of containers and columns: after it, lengths are
non-null integers in contiguous int32 or int64 arrays. (Negative lengths are found by
the counting pass, which sees each length anyway.)
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
from polars.exceptions import PanicException, PolarsError

from fastpack.errors import DataError, DataTypeError, OptionError, OptionTypeError
from fastpack.forks import refuse_forked
from fastpack.option_checks import show
from fastpack.schemas import ASSIGNMENT_SCHEMA

FrameLike: TypeAlias = Any
"""pl.DataFrame, pl.Series, integers in a list or 1-D NumPy array, an Arrow stream."""

Keep: TypeAlias = str | Sequence[str | pl.Expr] | pl.Expr
"""Columns, by name or selector (which is an expression)."""

DEFAULT_LENGTH = "n_tokens"

LENGTHS = "\0lengths"
"""The name of the lengths among other columns: no column of a user has it."""

RESERVED_COLUMNS = tuple(ASSIGNMENT_SCHEMA)
"""The columns that are the assignment table's own: `document` is the row index."""

# Of Polars' dtypes, each comparison takes 0.4 us, and a lookup 0.2.
_SMALL = frozenset({pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32})
_WIDE = frozenset({pl.UInt64, pl.Int128, pl.UInt128})

_BATCH = 1 << 22
"""Lengths that are converted at a time: at most 32 MB."""


def as_frame(data: FrameLike, parameter: str = "data") -> pl.DataFrame:
    """Turn the data of a user into a frame, without a copy if possible.

    A Series, an array or a list becomes a frame of one column: its name, or `n_tokens`.
    """
    refuse_forked()
    if isinstance(data, pl.DataFrame):
        return data
    series = _as_series(data, parameter)
    if series.dtype == pl.Struct:
        return series.struct.unnest()
    return series.to_frame(series.name or DEFAULT_LENGTH)


def _as_series(data: FrameLike, parameter: str) -> pl.Series:
    """Turn anything but a frame into a Series, an Arrow table into one of structs."""
    if isinstance(data, pl.Series):
        return data
    if isinstance(data, np.ndarray):
        if data.ndim != 1:
            msg = (
                f"`{parameter}` must be a 1-D array of lengths, got shape {data.shape}"
                "\nHint: pass one length a document, such as `lengths.ravel()`."
            )
            raise DataTypeError(msg)
        if data.dtype.kind not in "iu":
            raise _wrong_dtype(parameter, str(data.dtype))
        return pl.Series(data.astype(data.dtype.newbyteorder("="), copy=False))
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        try:
            return pl.Series(data)
        except ImportError as error:  # pandas hands out Arrow by way of PyArrow
            msg = (
                f"`{parameter}` cannot be read without PyArrow: {error}\n"
                "Hint: `pip install pyarrow`."
            )
            raise DataTypeError(msg) from error
        except (PolarsError, PanicException, TypeError, ValueError) as error:
            msg = (
                f"`{parameter}` cannot be read as Arrow data: {error}\n"
                "Hint: pass only the columns that are needed."
            )
            raise DataTypeError(msg) from error
    if isinstance(data, (list, tuple)):
        return _as_integers(data, parameter)
    raise _no_table(data, parameter)


def _as_integers(data: Sequence[Any], parameter: str) -> pl.Series:
    """Turn a list of lengths into a Series; nulls pass."""
    kinds = dict.fromkeys(map(type, data))  # value by value takes 10 times as long
    for kind in kinds:
        if kind is bool or not issubclass(kind, (int, np.integer, type(None))):
            raise _wrong_dtype(parameter, kind.__name__)
    try:
        return pl.Series(data, dtype=pl.Int128)
    except OverflowError as error:
        msg = (
            f"`{parameter}` has a length that Int64 cannot hold: {error}\n"
            "Hint: lengths are counted in tokens."
        )
        raise DataError(msg) from error


def select_lengths(frame: pl.DataFrame, length: str | pl.Expr) -> pl.Series:
    """Take the checked column of document lengths out of a frame."""
    if isinstance(length, str):
        check_names(frame.columns, "length", [length])
        return check_lengths(frame.get_column(length))
    if not isinstance(length, pl.Expr):
        msg = (
            f"`length` must be a column's name or an expression, got {show(length)}\n"
            "Hint: such as 'n_tokens' or pl.col('input_ids').list.len()."
        )
        raise DataTypeError(msg)
    lengths = _select(frame, "length", length)
    if lengths.width != 1:
        msg = (
            f"`length` must give one column, got {lengths.width}: {lengths.columns}\n"
            "Hint: name the one column that holds the documents' lengths."
        )
        raise DataError(msg)
    return check_lengths(lengths.to_series())


def check_lengths(lengths: pl.Series, first_row: int = 0) -> pl.Series:
    """Refuse a column that does not hold an integer for each document.

    `first_row` is the row number of the first length, for messages.
    """
    name = lengths.name or "lengths"
    if lengths.is_empty() and lengths.dtype == pl.Null:
        return lengths.cast(pl.Int64)
    if not lengths.dtype.is_integer() and lengths.dtype != pl.Null:
        raise _wrong_dtype(name, str(lengths.dtype))
    if n_null := lengths.null_count():
        row = first_row + (lengths.is_null().arg_max() or 0)
        msg = (
            f"`{name}` has null lengths: {n_null:,}, the first in {row_text(row)}\n"
            "Hint: fill them (0 is an empty document) or filter these rows out."
        )
        raise DataError(msg)
    if lengths.dtype in _WIDE:
        try:
            return lengths.cast(pl.Int64)
        except PolarsError as error:
            fits = lengths.cast(pl.Int64, strict=False).is_not_null()
            row = int(np.argmin(fits.to_numpy()))
            msg = (
                f"`{name}` has a length that Int64 cannot hold: {lengths[row]} "
                f"in {row_text(first_row + row)}\n"
                "Hint: lengths are counted in tokens."
            )
            raise DataError(msg) from error
    return lengths


def row_text(row: int) -> str:
    """Return a row number as messages give it."""
    return f"row {row:,} (rows count from 0)"


def as_expression(column: str | pl.Expr) -> pl.Expr:
    """Turn a name into an expression for that column alone: "*" is no pattern."""
    return cs.by_name(column).as_expr() if isinstance(column, str) else column


def as_list(keep: Keep) -> list[str | pl.Expr]:
    """Turn one name or selector, or several, into several."""
    names = [keep] if isinstance(keep, (str, pl.Expr)) else keep
    if not isinstance(names, Sequence) or not all(
        isinstance(name, (str, pl.Expr)) for name in names
    ):
        msg = (
            f"`keep` must be columns' names or a selector, got {show(keep)}\n"
            "Hint: such as 'doc_id', ['source', 'doc_id'] or polars.selectors.string()."
        )
        raise OptionTypeError(msg)
    return list(names)


def select_kept(frame: pl.DataFrame, keep: Keep) -> pl.DataFrame:
    """Take the columns that identify documents in the assignment table."""
    names = as_list(keep)
    literal = [name for name in names if isinstance(name, str)]
    check_names(frame.columns, "keep", literal)
    if twice := [name for name in literal if literal.count(name) > 1]:
        msg = f"`keep` names a column twice: {twice[0]!r}\nHint: name each column once."
        raise OptionError(msg)
    kept = _select(frame, "keep", [as_expression(name) for name in names])
    if kept.width == 0:
        msg = (
            f"`keep` selects no column: {keep!r}\n"
            f"Hint: {_listing(frame.columns)}; None keeps the row index."
        )
        raise OptionError(msg)
    if clashes := [name for name in kept.columns if name in RESERVED_COLUMNS]:
        msg = (
            f"`keep` has columns that the assignment table has itself: {clashes}\n"
            f"Hint: rename them first, such as to 'source_{clashes[0]}'."
        )
        raise OptionError(msg)
    return kept


def length_arrays(lengths: pl.Series) -> Iterator[npt.NDArray[Any]]:
    """Give a checked column as contiguous arrays of int32 or int64, in its order.

    Two dtypes, because each one that reaches a kernel is compiled on its own. Int32
    and Int64 columns of one piece are passed on without a copy; others are converted or
    joined batch by batch.
    """
    small = lengths.dtype in _SMALL
    dtype = pl.Int32 if small else pl.Int64
    if lengths.dtype == dtype and lengths.n_chunks() == 1:
        yield _read_only(lengths.to_numpy())
        return
    for start in range(0, len(lengths), _BATCH):
        batch = lengths[start : start + _BATCH]
        yield _read_only(batch.cast(dtype).rechunk().to_numpy())


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array of one flavour: memory of Polars is read-only, a copy is not."""
    array.flags.writeable = False
    return array


def _select(frame: pl.DataFrame, parameter: str, what: Any) -> pl.DataFrame:
    """Select from a frame, with fastpack's errors; all its rows, one value each."""
    try:
        selected = frame.select(what)
    except (PolarsError, TypeError) as error:
        msg = (
            f"`{parameter}` cannot be read from the table: {error}\n"
            f"Hint: {_listing(frame.columns)}."
        )
        raise DataError(msg) from error
    if selected.width and selected.height != frame.height:
        msg = (
            f"`{parameter}` must give one value a document: {selected.height} values "
            f"for {frame.height} rows\n"
            "Hint: use an expression that neither aggregates nor explodes."
        )
        raise DataError(msg)
    return selected


def check_names(columns: Sequence[str], parameter: str, names: Sequence[str]) -> None:
    """Refuse names that are not among the columns, and list these."""
    if absent := [name for name in names if name not in columns]:
        what = f"a column that is absent: {absent[0]!r}"
        if len(absent) > 1:
            what = f"columns that are absent: {absent}"
        hint = _listing(columns)
        if set(absent[0].replace(" ", "").split(",")) <= set(columns):
            hint += "; name each by itself, on the command line with spaces in between"
        msg = f"`{parameter}` names {what}\nHint: {hint}."
        raise DataError(msg)


def _listing(columns: Sequence[str]) -> str:
    return f"the columns are {', '.join(map(repr, columns)) or 'none'}"


def _no_table(data: object, parameter: str) -> DataTypeError:
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    if isinstance(data, pl.LazyFrame):
        hint = f"Hint: collect it first: `{parameter}.collect()`."
    elif isinstance(data, (str, os.PathLike)):
        hint = (
            f"Hint: pass the table at this path: pl.scan_parquet({str(data)!r}), say."
        )
    elif hasattr(data, "to_polars"):
        hint = f"Hint: pass `{parameter}.to_polars()`."
    else:
        hint = (
            "Hint: pass a pl.DataFrame, a pl.Series, a 1-D NumPy array, a list of "
            "lengths, or an object with `__arrow_c_stream__` (PyArrow, pandas, DuckDB "
            "...)."
        )
    msg = f"`{parameter}` cannot be read as a table: it is a {kind}\n{hint}"
    return DataTypeError(msg)


def _wrong_dtype(name: str, dtype: str) -> DataTypeError:
    hint = "pass lengths in tokens as integers"
    if dtype.lower().startswith("float"):
        hint += "; pandas makes floats of integers if some are missing"
    if dtype.startswith(("List", "Array")):
        hint = (
            f"the lengths of token lists are pl.col({name!r}).list.len(), or --tokens "
            f"{name} on the command line"
        )
    msg = f"`{name}` must hold integers, got {dtype}\nHint: {hint}."
    return DataTypeError(msg)
