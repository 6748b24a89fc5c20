"""Assigner: lengths in document order -> tables of rows, in bounded memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import length_arrays
from fastpack.packing.cursors import Cursors
from fastpack.schemas import ASSIGNMENT_SCHEMA

ROW_BYTES = 32
"""What a row takes, without `keep`."""

TABLE_ROWS = 1 << 21
"""Rows of a table at most: 64 MB. What is needed beside the output (copies for nulls,
indices to gather `keep` columns with) grows with this, not with the corpus."""

_HUGE_PAGE = 1 << 21


class Assigner:
    """Gives the rows of documents as tables.

    Parameters
    ----------
    cursors
        Where the next chunks go.
    """

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors
        self._indices = np.empty(0, np.int64)

    def table(
        self,
        lengths: pl.Series,
        kept: pl.DataFrame | None = None,
        groups: npt.NDArray[np.int32] | None = None,
    ) -> pl.DataFrame:
        """Give the rows of the next documents as one table: see `tables`."""
        tables = list(self.tables(lengths, kept, groups))
        if len(tables) == 1:
            return tables[0]
        return pl.concat([self.empty_table(kept), *tables], rechunk=False)

    def tables(
        self,
        lengths: pl.Series,
        kept: pl.DataFrame | None = None,
        groups: npt.NDArray[np.int32] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Give the rows of the next documents, in tables of at most `TABLE_ROWS`.

        With `kept`, one row a document of the checked column `lengths`, its columns
        stand in place of `document`. `groups` has the numbers of their groups.
        """
        start = 0
        for array in length_arrays(lengths):
            part = slice(start, start + array.size)
            yield from self._tables_of_array(
                array,
                None if kept is None else kept[part],
                None if groups is None else groups[part],
            )
            start += array.size

    def _tables_of_array(
        self,
        lengths: npt.NDArray[Any],
        kept: pl.DataFrame | None,
        groups: npt.NDArray[np.int32] | None,
    ) -> Iterator[pl.DataFrame]:
        first_token = 0
        while lengths.size:
            columns = self._new_columns(with_document=kept is None)
            documents, first_token, rows = self._cursors.fill(
                lengths,
                columns,
                groups=groups,
                first_token=first_token,
                # To gather with, rows of `kept` are wanted, not of the corpus.
                first_document=self._cursors.next_document if kept is None else 0,
            )
            yield self._table(columns, rows, kept)
            self._cursors.rows_left -= rows
            self._cursors.next_document += documents
            lengths = lengths[documents:]
            kept = None if kept is None else kept[documents:]
            groups = None if groups is None else groups[documents:]

    @staticmethod
    def empty_table(kept: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return a table of no rows: the schema."""
        table = pl.DataFrame(schema=ASSIGNMENT_SCHEMA)
        if kept is None:
            return table
        return kept.clear().hstack(table.drop("document"))

    def _new_columns(self, *, with_document: bool) -> dict[str, npt.NDArray[Any]]:
        """Make room for a table."""
        rows = min(TABLE_ROWS, max(1024, self._cursors.rows_left))
        result = list(ASSIGNMENT_SCHEMA)
        columns = {}
        if self._cursors.has_nulls:
            # They are copied where there are nulls: not to be held by the others then.
            columns = allocate(["bin", "bin_offset"], rows)
            result = [name for name in result if name not in columns]
        if not with_document:
            # Only to gather with: written to the same memory each time.
            if self._indices.size < rows:
                self._indices = np.empty(rows, np.int64)
            columns["document"] = self._indices[:rows]
            result.remove("document")
        return columns | allocate(result, rows)

    def _table(
        self,
        columns: dict[str, npt.NDArray[Any]],
        rows: int,
        kept: pl.DataFrame | None,
    ) -> pl.DataFrame:
        document, *chunks = (
            pl.Series(name, columns[name][:rows]) for name in ASSIGNMENT_SCHEMA
        )
        if kept is None:
            table = pl.DataFrame([document, *chunks])
        elif document[-1] == rows - 1:  # a row a document: nothing to gather
            table = kept[:rows].hstack(chunks)
        else:
            table = kept[document].hstack(chunks)
        if self._cursors.has_nulls:
            packed = pl.col("bin") >= 0
            table = table.with_columns(
                pl.when(packed).then(pl.col("bin", "bin_offset"))
            )
        return table


def allocate(names: list[str], rows: int) -> dict[str, npt.NDArray[Any]]:
    """Allocate columns of the assignment table at once, as zeros.

    Fresh pages cost more than the packing. NumPy asks for huge ones from 4 MiB on, but
    the ends of an allocation that is not aligned to them are made of small pages: that
    alone was 15 % of the time of `pack`. Fresh pages are zeros already, so the kernel
    need not write a `chunk_start` of 0.
    """
    dtypes = {
        name: np.dtype(np.int32 if ASSIGNMENT_SCHEMA[name] == pl.Int32 else np.int64)
        for name in names
    }
    n_bytes = rows * sum(dtype.itemsize for dtype in dtypes.values())
    align = _HUGE_PAGE if n_bytes > _HUGE_PAGE else 0
    memory = np.zeros(n_bytes + align, np.uint8)
    columns = {}
    end = -memory.ctypes.data % _HUGE_PAGE if align else 0
    # The columns of 8 bytes first: each is then aligned.
    for name in sorted(names, key=lambda name: -dtypes[name].itemsize):
        start, end = end, end + rows * dtypes[name].itemsize
        columns[name] = memory[start:end].view(dtypes[name])
    return columns
