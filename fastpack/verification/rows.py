"""Check rows: documents once each, in order, in the chunks that the rules give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.groups import GroupEncoder, select_by
from fastpack.documents.length_table import LengthTable
from fastpack.documents.streaming import collect_in_batches
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.threads import run_beside
from fastpack.verification.columns import COLUMNS, as_integers, holds_numbers
from fastpack.verification.expected import ExpectedDocuments
from fastpack.verification.numbering import Numbering
from fastpack.verification.started import (
    RunningBatch,
    StartedBatch,
    check_rows,
    describe,
)


class RowCheck:
    """One pass over the rows of an assignment, batch by batch.

    Parameters
    ----------
    table
        The assignment.
    options
        The rules.
    documents
        The documents that were packed, or None if they are not known.
    lengths
        Counts the tokens of each document; None if they need not be counted.

    Attributes
    ----------
    has_groups : bool
        Whether the group of each row is known, from the documents or the assignment.
    names : list of str
        The columns that name documents and are not compared with those of `documents`.
    n_rows, n_chunks, packed : int
        The rows so far, those that are chunks, and the tokens of these.
    """

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        documents: Documents | None,
        lengths: LengthTable | None = None,
    ) -> None:
        schema = table.collect_schema()
        identity = [name for name in schema if name not in COLUMNS]
        self._is_numbered = "document" in schema and holds_numbers(schema["document"])
        self._identity = [
            name for name in identity if name != "document" or not self._is_numbered
        ]
        self._table = table.select(cs.by_name(*identity, *COLUMNS))
        self._options = options
        self._expected: ExpectedDocuments | None = None
        if documents is not None:
            self._expected = ExpectedDocuments(documents, options)
        self._lengths = lengths
        self._state = np.zeros(1, kernels.verification.STATE)[0]
        self._last_row: pl.DataFrame | None = None
        self._encoder, self._by = self._find_groups(schema)
        self.has_groups = self._encoder is not None
        compared = self._by if self._expected and self._expected.has_groups else ()
        self.names = [name for name in self._identity if name not in compared]
        self.n_rows = self.n_chunks = self.packed = 0

    def _find_groups(
        self, schema: pl.Schema
    ) -> tuple[GroupEncoder | None, tuple[str, ...]]:
        """Find the groups: their numbers, and the columns of the assignment to read.

        A column that an assignment has itself is none of the documents.
        """
        by = self._options.by_columns
        groups = None
        if by and all(name in self._identity for name in by):
            groups = select_by(pl.DataFrame(schema=schema), by)
        if self._expected is None or not self._expected.has_groups:
            return (None, ()) if groups is None else (GroupEncoder(groups), by)
        encoder = self._expected.encoder
        # Columns of another type, a date that became a time, are not compared.
        if groups is None or groups.schema != encoder.groups.schema:
            return encoder, ()
        return encoder, by

    @property
    def groups(self) -> pl.DataFrame:
        """The groups so far, in the order of their numbers."""
        return pl.DataFrame() if self._encoder is None else self._encoder.groups

    @property
    def n_documents(self) -> int:
        """The documents so far."""
        return int(self._state["n_documents"])

    def check(self, bins: "kernels.verification.Bins", numbering: Numbering) -> None:
        """Check all rows; add them to the bins that are to be summed up.

        The kernel checks a batch while the next one is read.
        """
        limits = self._limits(numbering.n_bins)
        running: RunningBatch | None = None
        for batch in collect_in_batches(self._table):
            try:
                started = self._start(batch, numbering)
            except VerificationError:
                if running is not None:
                    self._finish(running)  # what is wrong there comes first
                raise
            if running is not None:
                self._finish(running)
            running = RunningBatch(
                started,
                run_beside(check_rows, started, limits, self._state, bins),
            )
        if running is not None:
            self._finish(running)
        if self.n_documents:
            self._end_documents(np.array([self._state["end"]]))
        if self._expected is not None:
            self._expected.finish()

    def _limits(self, n_bins: int) -> "kernels.verification.Limits":
        options = self._options
        return kernels.verification.Limits(
            context_length=options.context_length,
            max_chunk=options.max_chunk,
            # With their lengths, documents are compared whole: that says more.
            may_split=options.long_documents == "split" or self._expected is not None,
            min_chunk=options.min_chunk,
            extra_tokens=options.extra_tokens,
            align=options.align,
            n_bins=n_bins,
        )

    def _start(self, batch: pl.DataFrame, numbering: Numbering) -> StartedBatch:
        """Prepare a batch for the kernel; start its documents."""
        columns = kernels.verification.Columns(
            *(self._integers(batch, name) for name in COLUMNS)
        )
        columns = columns._replace(bin=numbering.places(columns.bin))
        document = None
        if self._is_numbered:
            document = self._integers(batch, "document").astype(np.int64, copy=False)
            document.flags.writeable = False
        is_start = columns.chunk_start == 0
        n_starts = int(np.count_nonzero(is_start))
        groups, found = self._groups_of(batch, is_start, n_starts)
        started = StartedBatch(
            batch,
            self.n_rows,
            document,
            columns,
            groups,
            found,
            is_start,
            np.empty(n_starts, np.int64),
        )
        self.n_rows += batch.height
        return started

    def _finish(self, running: RunningBatch) -> None:
        """Wait for the kernel, and check the rest of a batch."""
        started, result = running
        row, reason, n_ended = result.result()
        columns = started.columns
        if reason != kernels.verification.OK:
            raise self._error(
                describe(reason, self._options), started.batch, row, started.first_row
            )
        if started.found is not None:
            other = started.found != started.groups
            if other.any():
                what = f"a row has another {list(self._by)} than its document"
                row = int(other.argmax())
                raise self._error(what, started.batch, row, started.first_row)
        if self._identity:
            self._check_identity(started)
        self._end_documents(started.tokens[:n_ended])
        self.n_chunks += int(np.count_nonzero(columns.chunk_length))
        self.packed += int(columns.chunk_length.sum(dtype=np.int64))

    def _integers(self, batch: pl.DataFrame, name: str) -> npt.NDArray[Any]:
        """Return a column as the kernel takes it; refuse what it cannot see."""
        column, is_wrong = as_integers(batch.get_column(name))
        if is_wrong is not None and is_wrong.any():
            what = f"`{name}` is no integer of 64 bits"
            raise self._error(what, batch, is_wrong.arg_max() or 0)
        if name != "document":  # any other number than its own is wrong there
            # -1 will stand for null.
            may_be_null = name in {"bin", "bin_offset"}
            wrong = column == -1 if may_be_null else column.is_null()
            if wrong.any():
                what = f"`{name}` is {'negative' if may_be_null else 'null'}"
                raise self._error(what, batch, wrong.arg_max() or 0)
        return _as_array(column)

    def _groups_of(
        self, batch: pl.DataFrame, is_start: npt.NDArray[np.bool_], n_starts: int
    ) -> tuple[npt.NDArray[np.int32] | None, npt.NDArray[np.int32] | None]:
        """Start the documents of a batch; return the number of each row's group.

        If both know the groups: that of its document, and that in the assignment.
        """
        expected = None
        if self._expected is not None:
            expected = self._expected.start(n_starts)
        found = None
        if self._by and self._encoder is not None:
            found = self._encoder.learn(self._select_by(batch))
        if expected is None:
            return found, None
        groups = expected[np.cumsum(is_start)]
        groups.flags.writeable = False
        return groups, found

    def _select_by(self, batch: pl.DataFrame) -> pl.DataFrame:
        for name in self._by:
            is_null = batch.get_column(name).is_null()
            if is_null.any():
                what = f"{name!r}, a column of `by`, is null"
                raise self._error(what, batch, is_null.arg_max() or 0)
        return select_by(batch, self._by)

    def _check_identity(self, started: StartedBatch) -> None:
        """Check that all rows of a document identify the same one."""
        rows = np.flatnonzero(~started.is_start)
        identity = started.batch.select(cs.by_name(*self._identity))
        shift = 0
        if self._last_row is not None:
            identity = pl.concat([self._last_row, identity])
            shift = 1
        for values in identity:
            same = values.gather(rows + shift).eq_missing(
                values.gather(rows + shift - 1)
            )
            if not same.all():
                row = int(rows[same.arg_min() or 0])
                what = (
                    f"a document changes its {values.name!r} from one chunk to the next"
                )
                raise self._error(what, started.batch, row, started.first_row)
        self._last_row = identity[-1:]

    def _end_documents(self, tokens: Int64Array) -> None:
        """Take the tokens of documents of which all rows were seen."""
        # Of the one flavour that kernels are compiled for.
        tokens.flags.writeable = False
        if self._lengths is not None:
            self._lengths.add(tokens)
        if self._expected is not None:
            self._expected.end(tokens)

    def _error(
        self, what: str, batch: pl.DataFrame, row: int, first_row: int | None = None
    ) -> VerificationError:
        """Show a row; a batch that is being started begins after the rows so far."""
        if first_row is None:
            first_row = self.n_rows
        first = max(row - 1, 0)
        shown = batch.with_row_index("row", first_row)[first : row + 4]
        return VerificationError(f"{what}: in row {first_row + row:,}\n{shown}")


def _as_array(column: pl.Series) -> npt.NDArray[Any]:
    """Return an array of the flavour that kernels are compiled for; -1 is null."""
    if column.null_count():
        column = column.fill_null(-1)
    array = column.rechunk().to_numpy()
    array.flags.writeable = False
    return array
