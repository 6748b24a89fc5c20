"""Groups: the columns that tell documents apart -> the number of each one's group."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import check_lengths, check_names
from fastpack.errors import DataError, DataTypeError, OptionError
from fastpack.schemas import FIGURES

MAX_GROUPS = 1 << 20
"""Groups have up to 20 bits beside a length in a key of 64."""

RESERVED_COLUMNS = (
    "length",
    "documents",
    "chunk_length",
    "first_bin",
    "bins",
    "chunks_per_bin",
    "bin_offset",
    *FIGURES,
)
"""The tables of groups have these beside what tells groups apart."""

_WIDE = (pl.UInt64, pl.Int128, pl.UInt128)


def select_by(
    frame: pl.DataFrame, by: Sequence[str], first_row: int = 0
) -> pl.DataFrame:
    """Take the columns that tell groups apart; refuse nulls.

    Categories become the strings that they stand for: their numbers depend on what else
    a process has seen.
    """
    check_names(frame.columns, "by", by)
    if clashes := [name for name in by if name in RESERVED_COLUMNS]:
        msg = (
            f"`by` has columns of names that plans use themselves: {clashes}\n"
            f"Hint: rename them first, such as to 'source_{clashes[0]}'."
        )
        raise OptionError(msg)
    columns = []
    for name in by:
        column = frame.get_column(name)
        dtype = column.dtype
        if n_null := column.null_count():
            row = first_row + (column.is_null().arg_max() or 0)
            msg = (
                f"`by` column {name!r} has nulls: {n_null:,}, the first in row {row:,} "
                "(rows count from 0)\n"
                "Hint: fill them, with the name of a group of their own, say."
            )
            raise DataError(msg)
        if dtype.is_nested() or dtype.is_float() or dtype in (pl.Object, pl.Binary):
            msg = (
                f"`by` column {name!r} cannot tell groups apart: it is {dtype}\n"
                "Hint: use a column of strings, integers, booleans or dates."
            )
            raise DataTypeError(msg)
        if dtype in (pl.Categorical, pl.Enum, pl.Null):
            column = column.cast(pl.String)
        elif dtype.is_integer() and dtype not in _WIDE:
            column = column.cast(pl.Int64)  # of any width in any part of a corpus
        columns.append(column)
    return pl.DataFrame(columns)


def split_documents(
    frame: pl.DataFrame, by: Sequence[str]
) -> tuple[pl.DataFrame, pl.Series]:
    """Take a frame of groups' columns and lengths apart."""
    groups = select_by(frame, by)
    others = frame.drop(by)
    if others.width != 1:
        msg = (
            f"`lengths` must have one column beside `by`, got {others.columns}\n"
            "Hint: select them first."
        )
        raise DataError(msg)
    return groups, check_lengths(others.to_series())


class GroupEncoder:
    """Numbers groups, and documents by their group.

    Parameters
    ----------
    groups
        The groups, in the order of their numbers.
    """

    _SLICE = 1 << 18
    _WIDEST = 1 << 20

    def __init__(self, groups: pl.DataFrame) -> None:
        self._set(groups)

    def _set(self, groups: pl.DataFrame) -> None:
        self.groups = groups
        self._numbers = self._by_join
        if groups.width == 1 and groups.height:
            values = groups.to_series()
            if values.dtype == pl.String:
                self._numbers = self._by_category
                self._categories = pl.Enum(values)
            elif values.dtype == pl.Int64:
                least, most = int(values.min()), int(values.max())  # type: ignore[arg-type]
                if most - least < self._WIDEST and least > -(2**63):
                    self._numbers = self._by_table
                    self._least = least
                    self._table = np.full(most - least + 3, -1, np.int32)
                    places = values.to_numpy() - (least - 1)
                    self._table[places] = np.arange(len(values))

    def encode(self, by: pl.DataFrame) -> npt.NDArray[np.int32]:
        """Return the number of each row's group; raise DataError if it has none."""
        return self._encode(by, learn=False)

    def learn(self, by: pl.DataFrame) -> npt.NDArray[np.int32]:
        """Return the number of each row's group; new ones are numbered on."""
        return self._encode(by, learn=True)

    def _encode(self, by: pl.DataFrame, *, learn: bool) -> npt.NDArray[np.int32]:
        numbers = np.empty(by.height, np.int32)
        if by.is_empty():
            return numbers
        if by.schema != self.groups.schema:
            msg = (
                f"groups are told apart by {dict(self.groups.schema)}, got "
                f"{dict(by.schema)}\nHint: give the columns the same types everywhere."
            )
            raise DataTypeError(msg)
        for start in range(0, by.height, self._SLICE):
            part = by[start : start + self._SLICE]
            found = self._numbers(part)
            if found.min() < 0:
                if not learn:
                    raise _not_planned(part.row(int(found.argmin()), named=True))
                self._add(part.filter(found < 0).unique(maintain_order=True))
                found = self._numbers(part)
            numbers[start : start + part.height] = found
        # Of the one flavour that kernels are compiled for.
        numbers.flags.writeable = False
        return numbers

    def _add(self, groups: pl.DataFrame) -> None:
        self._set(pl.concat([self.groups, groups]))
        if self.groups.height > MAX_GROUPS:
            msg = (
                f"`by` tells more than {MAX_GROUPS:,} groups apart: {groups.columns}\n"
                "Hint: use columns of fewer values."
            )
            raise DataError(msg)

    # Three ways to look groups up, -1 for those that are not known: 1 to 2 ns a row in
    # a table, 15 by strings, 20 by any columns.

    def _by_table(self, by: pl.DataFrame) -> npt.NDArray[np.int32]:
        # The first and the last place are those of all values outside of the table.
        places = by.to_series().to_numpy() - (self._least - 1)
        return self._table.take(places, mode="clip")

    def _by_category(self, by: pl.DataFrame) -> npt.NDArray[np.int32]:
        categories = by.to_series().cast(self._categories, strict=False)
        return _as_numbers(categories.to_physical())

    def _by_join(self, by: pl.DataFrame) -> npt.NDArray[np.int32]:
        # By other names: one of the columns may have any.
        names = [str(number) for number in range(by.width)]
        numbered = self.groups.rename(dict(zip(by.columns, names, strict=True)))
        numbered = numbered.with_columns(number=pl.int_range(pl.len(), dtype=pl.Int32))
        values = by.rename(dict(zip(by.columns, names, strict=True)))
        joined = values.join(numbered, on=names, how="left", maintain_order="left")
        return _as_numbers(joined.get_column("number"))


def _as_numbers(numbers: pl.Series) -> npt.NDArray[np.int32]:
    array: npt.NDArray[np.int32] = numbers.cast(pl.Int32).fill_null(-1).to_numpy()
    return array


def _not_planned(group: dict[str, Any]) -> DataError:
    msg = (
        f"a group that was not planned: {group}\n"
        "Hint: assign the documents that were planned."
    )
    return DataError(msg)
