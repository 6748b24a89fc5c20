"""Assigner: runs + lengths in document order -> tables of rows, in bounded memory.

It holds the cursors, one for each chunk length, so it takes a corpus array by array and
gives the assignment table by table: any cut of either gives the same rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.chunking import Chunks
from fastpack.errors import DataError
from fastpack.inputs import length_arrays
from fastpack.options import PackingOptions

ASSIGNMENT_SCHEMA = pl.Schema(
    {
        "document": pl.Int64,
        "chunk_start": pl.Int64,
        "chunk_length": pl.Int32,
        "bin": pl.Int64,
        "bin_offset": pl.Int32,
    }
)
"""The columns of the assignment table, without `keep`. Signed integers only: Polars
subtracts unsigned ones with wrap-around."""

ROW_BYTES = 32
"""What a row takes, without `keep`."""

TABLE_ROWS = 1 << 21
"""Rows of a table at most: 64 MB. What is needed beside the output (copies for nulls,
indices to gather `keep` columns with) grows with this, not with the corpus."""

_HUGE_PAGE = 1 << 21

_SLOTS = 1 << 20
"""The longest chunk that has its cursor at the place of its own length."""


class Assigner:
    """The state of an assignment between one array of lengths and the next.

    Parameters
    ----------
    options
        The rules of the packing.
    chunks
        The chunks that were planned.
    runs
        The plan: records of dtype `fastpack.kernels.best_fit.RUN`.
    before
        The chunks of all documents before the first: each length starts at this rank.
    first_document
        The row index of the first document.
    """

    def __init__(
        self,
        options: PackingOptions,
        chunks: Chunks,
        runs: npt.NDArray[Any],
        *,
        before: Chunks | None,
        first_document: int,
    ) -> None:
        from fastpack.kernels import assignment  # noqa: PLC0415

        self._kernel = assignment
        self._context_length = options.context_length
        self._longest = {
            "split": None,
            "truncate": options.context_length,
            "drop": 0,
            "error": -1,
        }[options.long_documents]
        self._runs = runs
        n_unpacked = chunks.n_unpacked
        if before is not None:
            n_unpacked -= before.n_unpacked
        self._has_nulls = n_unpacked > 0
        self._rows_left = int(chunks.counts.sum()) + n_unpacked
        self._next_document = first_document
        longest = int(chunks.lengths[0]) if chunks.lengths.size else 0
        self._slots = min(longest, _SLOTS)
        self._long_lengths = None
        n_cursors = self._slots + 1
        if longest > _SLOTS:
            self._long_lengths = chunks.lengths[chunks.lengths > _SLOTS][::-1].copy()
            n_cursors += self._long_lengths.size
        self._cursors = np.zeros(n_cursors, assignment.CURSOR)
        ranks = np.zeros(n_cursors, np.int64)
        if before is not None:
            ranks[self._slots_of(before.lengths)] = before.counts
        assignment.seek(
            self._cursors,
            self._slots,
            self._long_lengths,
            self._runs,
            ranks,
            n_unpacked,
        )
        if n_unpacked < 0 or ranks.any():
            raise _not_planned()
        self._indices = np.empty(0, np.int64)

    def _slots_of(self, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where the cursors of planned lengths are."""
        slots = lengths.copy()
        is_long = lengths > self._slots
        if is_long.any():
            if (
                self._long_lengths is None
                or not np.isin(lengths[is_long], self._long_lengths).all()
            ):
                raise _not_planned()
            slots[is_long] = (
                self._slots + 1 + np.searchsorted(self._long_lengths, lengths[is_long])
            )
        return slots

    def fill(
        self,
        lengths: npt.NDArray[Any],
        columns: dict[str, npt.NDArray[Any]],
        *,
        first_token: int = 0,
        first_document: int = 0,
    ) -> tuple[int, int, int]:
        """Assign documents until all are done or the columns are full.

        Parameters
        ----------
        lengths
            Document lengths, read-only int32 or int64.
        columns
            `bin` and `bin_offset`, and all or none of `document`, `chunk_start`
            (which must hold zeros) and `chunk_length`.
        first_token
            Tokens of the first document that are assigned already.
        first_document
            The number of the first document in `document`.

        Returns
        -------
        documents, first_token, rows
            Documents done, tokens done of the next, rows written.
        """
        documents, next_token, rows, reason = self._kernel.assign(
            lengths,
            first_document,
            first_token,
            self._context_length,
            self._longest,
            self._cursors,
            self._slots,
            self._long_lengths,
            self._runs,
            columns.get("document"),
            columns.get("chunk_start"),
            columns.get("chunk_length"),
            columns["bin"],
            columns["bin_offset"],
        )
        if reason == self._kernel.UNPLANNED:
            raise _not_planned(self._next_document + documents, lengths[documents])
        return int(documents), int(next_token), int(rows)

    def table(
        self, lengths: pl.Series, kept: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Give the rows of the next documents as one table: see `tables`."""
        tables = [self.empty_table(kept), *self.tables(lengths, kept)]
        return pl.concat(tables, rechunk=False)

    def tables(
        self, lengths: pl.Series, kept: pl.DataFrame | None = None
    ) -> Iterator[pl.DataFrame]:
        """Give the rows of the next documents, in tables of at most `TABLE_ROWS`.

        With `kept`, one row a document of the checked column `lengths`, its columns
        stand in place of `document`.
        """
        start = 0
        for array in length_arrays(lengths):
            rows = None if kept is None else kept[start : start + array.size]
            yield from self._tables_of_array(array, rows)
            start += array.size

    def _tables_of_array(
        self, lengths: npt.NDArray[Any], kept: pl.DataFrame | None
    ) -> Iterator[pl.DataFrame]:
        first_token = 0
        while lengths.size:
            columns = self._new_columns(with_document=kept is None)
            documents, first_token, rows = self.fill(
                lengths,
                columns,
                first_token=first_token,
                # To gather with, rows of `kept` are wanted, not of the corpus.
                first_document=self._next_document if kept is None else 0,
            )
            yield self._table(columns, rows, kept)
            self._rows_left -= rows
            self._next_document += documents
            lengths = lengths[documents:]
            kept = None if kept is None else kept[documents:]

    @staticmethod
    def empty_table(kept: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return a table of no rows: the schema."""
        table = pl.DataFrame(schema=ASSIGNMENT_SCHEMA)
        if kept is None:
            return table
        return kept.clear().hstack(table.drop("document"))

    def _new_columns(self, *, with_document: bool) -> dict[str, npt.NDArray[Any]]:
        """Make room for a table."""
        rows = min(TABLE_ROWS, max(1024, self._rows_left))
        result = list(ASSIGNMENT_SCHEMA)
        columns = {}
        if self._has_nulls:
            # They are copied where there are nulls: not to be held by the others then.
            columns = _allocate(["bin", "bin_offset"], rows)
            result = [name for name in result if name not in columns]
        if not with_document:
            # Only to gather with: written to the same memory each time.
            if self._indices.size < rows:
                self._indices = np.empty(rows, np.int64)
            columns["document"] = self._indices[:rows]
            result.remove("document")
        return columns | _allocate(result, rows)

    def _table(
        self,
        columns: dict[str, npt.NDArray[Any]],
        rows: int,
        kept: pl.DataFrame | None,
    ) -> pl.DataFrame:
        document = columns["document"][:rows]
        if kept is None:
            identity = pl.DataFrame({"document": document})
        elif document[-1] == rows - 1:  # a row a document: nothing to gather
            identity = kept[:rows]
        else:
            identity = kept[document]
        table = identity.hstack(
            [
                pl.Series(name, columns[name][:rows])
                for name in ASSIGNMENT_SCHEMA
                if name != "document"
            ]
        )
        if self._has_nulls:
            packed = pl.col("bin") >= 0
            table = table.with_columns(
                pl.when(packed).then(pl.col("bin", "bin_offset"))
            )
        return table


def _allocate(names: list[str], rows: int) -> dict[str, npt.NDArray[Any]]:
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


def _not_planned(row: int | None = None, length: int | None = None) -> DataError:
    where = "" if row is None else f": the document in row {row:,} has {length} tokens"
    msg = (
        f"`lengths` holds chunks that the plan has no place for{where}\n"
        "Hint: assign the lengths that were planned, each once."
    )
    return DataError(msg)
