"""Groups: the columns of the rule `by` -> the number of each document's group."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack import kernels
from fastpack.documents.inputs import check_names, row_text
from fastpack.errors import DataError, DataTypeError, OptionError
from fastpack.schemas import FIGURES, RUNS_SCHEMA

MAX_GROUPS = 1 << 20
"""A key of 64 bits is 20 bits of group and the length."""

RESERVED_COLUMNS = frozenset({"length", "documents", *RUNS_SCHEMA, *FIGURES})
"""The names that tables with groups use themselves."""

_WIDE = (pl.UInt64, pl.Int128, pl.UInt128)

_AS_TEXT = (pl.Categorical, pl.Enum, pl.Null)

_AS_THEY_ARE = (pl.String, pl.Boolean, pl.Date, pl.Time, pl.Datetime)

_SLICE = 1 << 18
"""Rows that are looked up at a time: the memory of a lookup stays small."""

_TABLE_SIZE = 1 << 20
"""Integers within such a span are looked up in a table: 4 MB."""


def select_by(
    frame: pl.DataFrame, by: Sequence[str], first_row: int = 0
) -> pl.DataFrame:
    """Take the checked columns `by` out of a frame; refuse nulls.

    Categories become their strings: their numbers depend on the history of the process.
    Of other types, those pass that have an order, and a text for JSON. `first_row` is
    the row number of the first row, for messages.
    """
    check_names(frame.columns, "by", by)
    if clashes := [name for name in by if name in RESERVED_COLUMNS]:
        msg = (
            f"`by` has columns that tables of plans have themselves: {clashes}\n"
            f"Hint: rename them first, such as to 'source_{clashes[0]}'."
        )
        raise OptionError(msg)
    if patterns := [name for name in by if name == "*" or re.match(r"\^.*\$$", name)]:
        msg = (
            f"`by` has columns of names that Polars takes for patterns: {patterns}\n"
            "Hint: rename them first."
        )
        raise OptionError(msg)
    columns = []
    for name in by:
        column = frame.get_column(name)
        dtype = column.dtype
        if n_null := column.null_count():
            row = first_row + (column.is_null().arg_max() or 0)
            msg = (
                f"`by` column {name!r} has nulls: {n_null:,}, the first in "
                f"{row_text(row)}\n"
                "Hint: fill them, with the name of a group of their own, say."
            )
            raise DataError(msg)
        if dtype in _AS_TEXT:
            column = column.cast(pl.String)
        elif dtype.is_integer():
            if dtype not in _WIDE:
                column = column.cast(pl.Int64)  # of any width in any part of a corpus
        elif dtype not in _AS_THEY_ARE:
            msg = (
                f"`by` column {name!r} cannot tell groups apart: it is {dtype}\n"
                "Hint: use a column of strings, integers, booleans, dates or times."
            )
            raise DataTypeError(msg)
        columns.append(column)
    return pl.DataFrame(columns)


def check_same_schema(ours: Mapping[str, object], others: Mapping[str, object]) -> None:
    """Refuse groups of other columns, or of columns of another type."""
    if dict(others) != dict(ours):
        msg = (
            f"groups have the columns {dict(ours)}, got {dict(others)}\n"
            "Hint: give the columns the same types everywhere."
        )
        raise DataTypeError(msg)


def describe_groups(groups: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of groups as JSON can hold them."""
    times = cs.time().dt.to_string("iso")  # a cast leaves out fractions of a second
    dates = (cs.date() | cs.datetime()).cast(pl.String)
    return groups.with_columns(times, dates).to_dicts()


class GroupEncoder:
    """Numbers groups, and documents by their group.

    Parameters
    ----------
    groups
        The groups, in the order of their numbers; a frame without columns if all
        documents are of one group.
    """

    def __init__(self, groups: pl.DataFrame) -> None:
        self.groups = groups
        self._lookup = _lookup_for(groups)

    def encode(self, by: pl.DataFrame) -> npt.NDArray[np.int32] | None:
        """Return the number of each row's group, None if all are of one.

        Raises DataError if a row has a group that is not among `groups`.
        """
        return self._encode(by, learn=False)

    def learn(self, by: pl.DataFrame) -> npt.NDArray[np.int32] | None:
        """Return the same; new groups get the next numbers, in their order.

        Few groups are all in the first rows: their numbers are then those of a plan.
        """
        return self._encode(by, learn=True)

    def _encode(self, by: pl.DataFrame, *, learn: bool) -> npt.NDArray[np.int32] | None:
        if by.width == self.groups.width == 0:
            return None
        numbers = np.empty(by.height, np.int32)
        if by.height:
            check_same_schema(self.groups.schema, by.schema)
        for start in range(0, by.height, _SLICE):
            part = by[start : start + _SLICE]
            found = numbers[start : start + _SLICE]
            self._lookup.find(part, found)
            if found.min() < 0:
                if not learn:
                    raise _unknown_group(part.row(int(found.argmin()), named=True))
                self._add(part.filter(found < 0).unique())
                self._lookup.find(part, found)
        # Of the one flavour that kernels are compiled for.
        numbers.flags.writeable = False
        return numbers

    def _add(self, groups: pl.DataFrame) -> None:
        self.groups = pl.concat([self.groups, groups.sort(groups.columns)])
        self._lookup = _lookup_for(self.groups)
        if self.groups.height > MAX_GROUPS:
            msg = (
                f"`by` makes more than {MAX_GROUPS:,} groups: {groups.columns}\n"
                "Hint: use columns of fewer values."
            )
            raise DataError(msg)


class _Lookup(Protocol):
    """The number of each row's group, -1 for an unknown one, written to `found`."""

    def find(self, by: pl.DataFrame, found: npt.NDArray[np.int32]) -> None: ...


def _lookup_for(groups: pl.DataFrame) -> _Lookup:
    """Choose the fastest lookup: 1 to 2 ns a row in a table, 4 by strings, 20 else."""
    if groups.width == 1 and groups.height:
        values = groups.to_series()
        if values.dtype == pl.String and (lookup := _StringLookup.of(values)):
            return lookup
        if values.dtype == pl.Int64:
            array = values.to_numpy()
            low, high = int(array.min()), int(array.max())
            if high - low < _TABLE_SIZE and low > -(2**63):
                return _TableLookup(array, low, high)
    return _JoinLookup(groups)


class _TableLookup:
    """Integers that lie close together: a table with a place for each."""

    def __init__(self, values: npt.NDArray[np.int64], low: int, high: int) -> None:
        self._before = low - 1
        self._table = np.full(high - low + 3, -1, np.int32)
        self._table[values - self._before] = np.arange(values.size)

    def find(self, by: pl.DataFrame, found: npt.NDArray[np.int32]) -> None:
        # Both ends hold -1: clipping sends every unknown value there.
        places = by.to_series().to_numpy() - self._before
        self._table.take(places, out=found, mode="clip")


class _StringLookup:
    """One column of strings: a table of their hashes.

    Polars hashes a string to 64 bits in 3 ns, and casts it to a category in 16. Two of
    a million groups have one hash with a chance of 1 in 30 million.
    """

    _SEED = 20240416

    def __init__(self, keys: Any, numbers: npt.NDArray[np.int32]) -> None:
        self._keys = keys
        self._numbers = numbers

    @classmethod
    def of(cls, values: pl.Series) -> "_StringLookup | None":
        """Return the lookup of these values; None if two have one hash."""
        size = 1 << (2 * len(values)).bit_length()
        keys, numbers = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
        is_known = kernels.lookup.insert_hashes(cls._hashes(values), keys, numbers)
        return cls(keys, numbers) if is_known else None

    @classmethod
    def _hashes(cls, values: pl.Series) -> npt.NDArray[np.uint64]:
        return values.hash(cls._SEED).to_numpy()

    def find(self, by: pl.DataFrame, found: npt.NDArray[np.int32]) -> None:
        hashes = self._hashes(by.to_series())
        kernels.lookup.find_hashes(hashes, self._keys, self._numbers, found)


class _JoinLookup:
    """Any columns: a join."""

    def __init__(self, groups: pl.DataFrame) -> None:
        self._groups = groups

    def find(self, by: pl.DataFrame, found: npt.NDArray[np.int32]) -> None:
        # By other names: one of the columns may have any.
        names = [str(number) for number in range(by.width)]
        numbered = self._groups.rename(dict(zip(by.columns, names, strict=True)))
        numbered = numbered.with_columns(number=pl.int_range(pl.len(), dtype=pl.Int32))
        values = by.rename(dict(zip(by.columns, names, strict=True)))
        joined = values.join(numbered, on=names, how="left", maintain_order="left")
        found[:] = joined.get_column("number").fill_null(-1).to_numpy()


def _unknown_group(group: dict[str, Any]) -> DataError:
    msg = (
        f"a group that was not planned: {group}\n"
        "Hint: assign the documents that were planned."
    )
    return DataError(msg)
