"""Check rows: documents once each, in order, in the chunks that the rules give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.groups import GroupEncoder, select_by
from fastpack.documents.inputs import check_names
from fastpack.documents.length_table import LengthTable
from fastpack.documents.streaming import collect_in_batches
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataTypeError, VerificationError
from fastpack.options import PackingOptions
from fastpack.schemas import ASSIGNMENT_SCHEMA
from fastpack.verification.expected import ExpectedDocuments

COLUMNS = tuple(name for name in ASSIGNMENT_SCHEMA if name != "document")
"""The columns of an assignment that are checked; the others identify documents."""


def check_columns(schema: pl.Schema) -> None:
    """Refuse a table that is no assignment, by its schema."""
    check_names(schema.names(), "assignment", COLUMNS)
    for name in COLUMNS:
        if not schema[name].is_integer():
            msg = f"`{name}` must hold integers, got {schema[name]}"
            raise DataTypeError(msg)


class RowCheck:
    """One pass over the rows of an assignment, batch by batch.

    Parameters
    ----------
    table
        The assignment.
    options
        The rules.
    n_bins
        The number of bins.
    documents
        The documents that were packed, or None if they are not known.
    lengths
        Counts the tokens of each document; None if they need not be counted.

    Attributes
    ----------
    has_groups : bool
        Whether the group of each row is known, from the assignment or the documents.
    n_rows, n_chunks, packed : int
        The rows so far, those that are chunks, and the tokens of these.
    """

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        n_bins: int,
        documents: Documents | None,
        lengths: LengthTable | None,
    ) -> None:
        schema = table.collect_schema()
        self._identity = [name for name in schema if name not in COLUMNS]
        self._is_numbered = self._identity == ["document"] and (
            schema["document"] == pl.Int64
        )
        self._table = table.select(cs.by_name(*self._identity, *COLUMNS))
        by = options.by_columns
        self._by = by if all(name in schema for name in by) else ()
        self._limits = kernels.verification.Limits(
            context_length=options.context_length,
            max_chunk=options.max_chunk,
            extra_tokens=options.extra_tokens,
            align=options.align,
            n_bins=n_bins,
        )
        self._expected: ExpectedDocuments | None = None
        if documents is not None:
            self._expected = ExpectedDocuments(documents, options)
        self._lengths = lengths
        self._state = np.zeros(1, kernels.verification.STATE)[0]
        self._encoder: GroupEncoder | None = None
        self._last_row: pl.DataFrame | None = None
        self.has_groups = bool(self._by) or (
            self._expected is not None and self._expected.has_groups
        )
        self.n_rows = self.n_chunks = self.packed = 0

    @property
    def n_documents(self) -> int:
        """The documents so far."""
        return int(self._state["n_documents"])

    def check(self, bins: "kernels.verification.Bins") -> None:
        """Check all rows; add them to the bins that are to be summed up."""
        for batch in collect_in_batches(self._table):
            self._check_batch(batch, bins)
            self.n_rows += batch.height
        if self.n_documents:
            self._end_documents(np.array([self._state["end"]]))
        if self._expected is not None:
            self._expected.finish()

    def _check_batch(
        self, batch: pl.DataFrame, bins: "kernels.verification.Bins"
    ) -> None:
        columns = kernels.verification.Columns(
            *(self._checked(batch, name) for name in COLUMNS)
        )
        document = None
        if self._is_numbered:
            document = _as_array(batch.get_column("document"))
        is_start = columns.chunk_start == 0
        n_starts = int(np.count_nonzero(is_start))
        groups = self._groups_of(batch, is_start, n_starts)
        tokens = np.empty(n_starts, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            row, reason, n_ended = kernels.verification.check_rows(
                document, columns, groups, self._limits, self._state, tokens, bins
            )
        if reason != kernels.verification.OK:
            raise self._error(_describe(reason), batch, row)
        if not self._is_numbered:
            self._check_identity(batch, np.flatnonzero(~is_start))
        self._end_documents(tokens[:n_ended])
        self.n_chunks += int(np.count_nonzero(columns.chunk_length))
        self.packed += int(columns.chunk_length.sum(dtype=np.int64))

    def _checked(self, batch: pl.DataFrame, name: str) -> npt.NDArray[Any]:
        """Return a column as the kernel takes it; refuse what it cannot see."""
        column = batch.get_column(name)
        if column.dtype not in (pl.Int32, pl.Int64):
            column = column.cast(pl.Int64)
        # -1 will stand for null.
        may_be_null = name in {"bin", "bin_offset"}
        wrong = column == -1 if may_be_null else column.is_null()
        if wrong.any():
            what = f"`{name}` is {'negative' if may_be_null else 'null'}"
            raise self._error(what, batch, wrong.arg_max() or 0)
        return _as_array(column)

    def _groups_of(
        self, batch: pl.DataFrame, is_start: npt.NDArray[np.bool_], n_starts: int
    ) -> npt.NDArray[np.int32] | None:
        """Start the documents of a batch; return the number of each row's group."""
        expected = None
        if self._expected is not None:
            expected = self._expected.start(n_starts)
        if self._by:
            by = select_by(batch, self._by, self.n_rows)
            self._encoder = self._encoder or GroupEncoder(by.clear())
            return self._encoder.learn(by)
        if expected is None:
            return None
        groups = expected[np.cumsum(is_start)]
        groups.flags.writeable = False
        return groups

    def _check_identity(self, batch: pl.DataFrame, rows: Int64Array) -> None:
        """Check that these rows identify the same document as the row before each."""
        identity = batch.select(cs.by_name(*self._identity))
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
                raise self._error(what, batch, row)
        self._last_row = identity[-1:]

    def _end_documents(self, tokens: Int64Array) -> None:
        """Take the tokens of documents of which all rows were seen."""
        # Of the one flavour that kernels are compiled for.
        tokens.flags.writeable = False
        if self._lengths is not None:
            self._lengths.add(tokens)
        if self._expected is not None:
            self._expected.end(tokens)

    def _error(self, what: str, batch: pl.DataFrame, row: int) -> VerificationError:
        first = max(row - 1, 0)
        shown = batch.with_row_index("row", self.n_rows)[first : row + 4]
        return VerificationError(f"{what}: in row {self.n_rows + row:,}\n{shown}")


def _as_array(column: pl.Series) -> npt.NDArray[Any]:
    """Return an array of the flavour that kernels are compiled for; -1 is null."""
    if column.null_count():
        column = column.fill_null(-1)
    array = column.rechunk().to_numpy()
    array.flags.writeable = False
    return array


def _describe(reason: int) -> str:
    """Say what is wrong with a row."""
    kernel = kernels.verification
    return {
        kernel.NOT_IN_ORDER: (
            "a chunk does not start where the one before it in its document ends"
        ),
        kernel.NOT_WHOLE: (
            "a chunk that is not the last of its document is shorter than it has to be"
        ),
        kernel.BAD_CHUNK: (
            "a chunk is longer than it may be, or has no tokens beside others"
        ),
        kernel.BAD_BIN: "a chunk has no bin, or one where nothing is packed",
        kernel.BAD_OFFSET: (
            "a chunk starts before its bin, or where `align` does not let it"
        ),
        kernel.OVER_CAPACITY: "a chunk ends behind the end of its bin",
        kernel.BAD_DOCUMENT: "`document` does not count the documents from 0 on",
    }[reason]
