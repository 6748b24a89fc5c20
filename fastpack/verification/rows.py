"""Check rows: documents once each, in order, in the chunks that the rules give."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
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
from fastpack.threads import map_in_threads
from fastpack.verification.batch import BatchCheck, StartedBatch
from fastpack.verification.columns import (
    COLUMNS,
    as_integers,
    can_compare,
    holds_numbers,
)
from fastpack.verification.expected import ExpectedDocuments
from fastpack.verification.numbering import Numbering


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
    names, other_types : list of str
        The columns that name documents and are not compared with `documents`: those
        that these do not have, and those that are of another type there.
    n_rows, packed : int
        The rows so far, and their tokens.
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
        self._before = kernels.verification.Before()
        self._last_row: pl.DataFrame | None = None
        self._encoder, self._by = self._find_groups(schema)
        self.has_groups = self._encoder is not None
        compared = self._by if self._expected and self._expected.has_groups else ()
        self.names = [name for name in self._identity if name not in compared]
        known = {}
        if documents is not None and documents.kept is not None:
            known = dict(documents.kept.schema)
        self._names = [
            name for name in self.names if can_compare(schema[name], known.get(name))
        ]
        others = [name for name in self.names if name not in self._names]
        self.names = [name for name in others if name not in known]
        self.other_types = [name for name in others if name in known]
        self.n_rows = self.packed = 0

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
        return self._before.n_documents

    def check(
        self, bins: Sequence["kernels.verification.Bins"], numbering: Numbering
    ) -> None:
        """Check all rows; add them to the bins that are to be summed up.

        There are as many batches at a time as sums, each by a thread.
        """
        check = BatchCheck(
            self._options,
            self._limits(numbering.n_bins),
            numbering,
            self._is_numbered,
            self._identity,
            self._by,
            self._names,
        )
        batches = collect_in_batches(self._table)
        while tables := list(islice(batches, len(bins))):
            n_starts = map_in_threads(_count_starts, tables)
            started: list[StartedBatch] = []
            try:
                for table, number in zip(tables, n_starts, strict=True):
                    started.append(self._start(table, number))
            except VerificationError:
                self._check(check, started, bins)  # what is wrong there comes first
                raise
            self._check(check, started, bins)
        tokens = np.array([self._before.end] if self.n_documents else [], np.int64)
        tokens.flags.writeable = False
        self._end_documents(tokens)
        if self._expected is not None:
            self._expected.end().check(tokens, self._options)
            self._expected.finish()

    def _check(
        self,
        check: BatchCheck,
        started: list[StartedBatch],
        bins: Sequence["kernels.verification.Bins"],
    ) -> None:
        """Check batches at the same time; take what they add up to."""
        if started:
            for tokens in map_in_threads(check.check, started, bins[: len(started)]):
                self._end_documents(tokens)

    def _end_documents(self, tokens: Int64Array) -> None:
        """Take the tokens of documents of which all rows were seen."""
        self.packed += int(tokens.sum())
        if self._lengths is not None:
            self._lengths.add(tokens)

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

    def _start(self, table: pl.DataFrame, n_starts: int) -> StartedBatch:
        """Find the state that the checks of a batch need; start its documents."""
        expected = None
        if self._expected is not None:
            expected = self._expected.start(n_starts)
        started = StartedBatch(
            table=table,
            first_row=self.n_rows,
            before=self._before,
            n_starts=n_starts,
            last_row=self._last_row,
            expected=expected,
            groups=None,
        )
        if self._by and self._encoder is not None:
            groups = self._encoder.learn(self._select_by(started))
            started = started._replace(groups=groups)
        self.n_rows += table.height
        if table.height:
            self._last_row = table[-1:]
            self._before = _after(self._last_row, self.n_documents + n_starts)
        return started

    def _select_by(self, batch: StartedBatch) -> pl.DataFrame:
        for name in self._by:
            is_null = batch.table.get_column(name).is_null()
            if is_null.any():
                what = f"{name!r}, a column of `by`, is null"
                raise batch.error(what, is_null.arg_max() or 0)
        return select_by(batch.table, self._by)


def _count_starts(table: pl.DataFrame) -> int:
    """Return the number of rows that start a document."""
    return int((table.get_column("chunk_start") == 0).sum())


def _after(row: pl.DataFrame, n_documents: int) -> "kernels.verification.Before":
    """Return the state after a row, if it is right."""
    start, length = (
        as_integers(row.get_column(name))[0].item() or 0
        for name in ("chunk_start", "chunk_length")
    )
    # If the row is wrong, the end may be none of Int64.
    end = min(start + length, 2**63 - 1)
    return kernels.verification.Before(end, length, n_documents)
