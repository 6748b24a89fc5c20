"""List columns: the tokens, or values in lockstep -> flat values, without a copy."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import row_text
from fastpack.errors import DataError, DataTypeError, OptionError


class Values(NamedTuple):
    """Some values of a list column, those of consecutive documents.

    Parameters
    ----------
    first
        The number of the first value in the column.
    array
        The values, read-only; booleans as bytes.
    """

    first: int
    array: npt.NDArray[Any]


class ListColumn:
    """A column of lists, or of arrays of a fixed size, of numbers, none of them null.

    Parameters
    ----------
    series
        The column. It is read chunk by chunk: in one piece it would be copied.
    first_row
        The number of its first row, for messages.

    Attributes
    ----------
    name, dtype
        The name of the column and the dtype of its values.
    numpy_dtype
        The dtype of NumPy in which they are moved: bytes for booleans.
    lengths
        The values of each row: UInt32.

    Raises
    ------
    DataError
        A list or a value is null.
    """

    def __init__(self, series: pl.Series, first_row: int) -> None:
        self.name = series.name
        self.dtype = check_dtype(self.name, series.dtype)
        self.numpy_dtype = _numpy_dtype(self.dtype)
        # Polars would take a name such as ^a.*$ for a pattern.
        self._series = series.alias("values")
        self._first_row = first_row
        if n_null := series.null_count():
            row = first_row + (series.is_null().arg_max() or 0)
            msg = (
                f"`{self.name}` has null lists: {n_null:,}, the first in "
                f"{row_text(row)}\n"
                "Hint: fill them (an empty list is an empty document) or filter these "
                "rows out."
            )
            raise DataError(msg)
        self.lengths = _lengths(self._series).alias(self.name)

    def parts(self) -> Iterator[Values]:
        """Give the values, those of one chunk of the Series at a time."""
        first_value, row = 0, self._first_row
        for chunk in self._series.get_chunks():
            values = _flatten(chunk)
            if values.null_count():
                raise self._null_value(chunk, values, row)
            if self.dtype == pl.Boolean:
                values = values.cast(pl.UInt8)
            array = values.to_numpy()
            array.flags.writeable = False  # of the one flavour: kernels compile once
            yield Values(first_value, array)
            first_value += array.size
            row += len(chunk)

    def check_lockstep(self, tokens: str, lengths: pl.Series) -> None:
        """Refuse lists of other lengths than those of the column of tokens."""
        differ = self.lengths != lengths
        if not differ.any():
            return
        row = differ.arg_max() or 0
        msg = (
            f"`{self.name}` has {self.lengths[row]:,} values for the {lengths[row]:,} "
            f"tokens of `{tokens}` in {row_text(self._first_row + row)}\n"
            "Hint: a column in lockstep has a value for each token."
        )
        raise DataError(msg)

    def _null_value(self, chunk: pl.Series, values: pl.Series, row: int) -> DataError:
        ends = _lengths(chunk).cast(pl.Int64).cum_sum()
        row += int(ends.search_sorted(values.is_null().arg_max() or 0, side="right"))
        msg = (
            f"`{self.name}` has null values, the first in {row_text(row)}\n"
            "Hint: fill them, in labels with -100: "
            f"pl.col({self.name!r}).list.eval(pl.element().fill_null(-100)). Without "
            "them, lists would have fewer values than their document has tokens."
        )
        return DataError(msg)


def _lengths(series: pl.Series) -> pl.Series:
    if isinstance(series.dtype, pl.Array):
        return pl.repeat(series.dtype.size, len(series), dtype=pl.UInt32, eager=True)
    return series.list.len()


def _flatten(chunk: pl.Series) -> pl.Series:
    """Return the values of a chunk of a Series; no value is copied."""
    if isinstance(chunk.dtype, pl.Array):
        return chunk.reshape((-1,))
    return chunk.explode(empty_as_null=False, keep_nulls=False)


def check_dtype(
    name: str,
    dtype: pl.DataType,
    *,
    only_integers: bool = False,
    hint: str = "name the column of token ids, as a tokenizer gives them",
) -> pl.DataType:
    """Return the dtype of a list column's values; refuse other columns.

    `hint` helps where only integers will do.
    """
    kind = "lists of integers" if only_integers else "lists of numbers or booleans"
    if not only_integers:
        hint = (
            "a column that has one value for a document, such as a text, goes to `keep`"
        )
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = cast("pl.DataType", dtype.inner)
        is_wide = inner in (pl.Int128, pl.UInt128)  # NumPy has none
        if inner.is_integer() and not is_wide:
            return inner
        if not only_integers and (inner.is_float() or inner == pl.Boolean):
            return inner
        if is_wide:
            hint = f"cast it: pl.col({name!r}).cast(pl.List(pl.Int64))"
    msg = f"`{name}` must hold {kind}, got {dtype}\nHint: {hint}."
    raise DataTypeError(msg)


def check_fits(what: str, value: float, name: str, dtype: pl.DataType) -> None:
    """Refuse a value that a column cannot hold; `what` is that value, for messages."""
    low: float = 0
    high: float = 1
    if dtype.is_integer():
        info = np.iinfo(_numpy_dtype(dtype))
        low, high = int(info.min), int(info.max)
    elif dtype.is_float():
        limits = np.finfo(_numpy_dtype(dtype))
        low, high = float(limits.min), float(limits.max)
        if not math.isfinite(value):
            return
    if not low <= value <= high or (not dtype.is_float() and value != int(value)):
        msg = (
            f"{what} does not fit `{name}`, which holds {dtype}: {low:,} ... {high:,}\n"
            "Hint: pass another one, or cast the column."
        )
        raise OptionError(msg)


def _numpy_dtype(dtype: pl.DataType) -> np.dtype[Any]:
    if dtype == pl.Boolean:
        return np.dtype(np.uint8)
    array: npt.NDArray[Any] = pl.Series(dtype=dtype).to_numpy()
    return array.dtype
