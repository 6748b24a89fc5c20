"""A batch of rows: what is checked of it beside other batches, each by a thread."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.verification.columns import COLUMNS, as_integers, find_other_name
from fastpack.verification.expected import ExpectedBatch
from fastpack.verification.numbering import Numbering


class StartedBatch(NamedTuple):
    """Rows, and what is known of them by all rows before.

    Parameters
    ----------
    table
        The rows.
    first_row
        The number of the first row.
    before
        The state after the rows before, as the kernel takes it.
    n_starts
        The rows that start a document.
    last_row
        The last row before these, if there is one.
    expected
        The documents as they should be, or None.
    groups
        The number of each row's group in the assignment, or None.
    """

    table: pl.DataFrame
    first_row: int
    before: "kernels.verification.Before"
    n_starts: int
    last_row: pl.DataFrame | None
    expected: ExpectedBatch | None
    groups: npt.NDArray[np.int32] | None

    def error(self, what: str, row: int) -> VerificationError:
        """Return an error that shows a row."""
        first = max(row - 1, 0)
        shown = self.table.with_row_index("row", self.first_row)[first : row + 4]
        what, _, hint = what.partition("\n")
        msg = f"{what}: in row {self.first_row + row:,}\n{shown}"
        return VerificationError(f"{msg}\n{hint}" if hint else msg)


class BatchCheck(NamedTuple):
    """The checks of a batch.

    Parameters
    ----------
    options
        The rules.
    limits
        The same for the kernel.
    numbering
        The numbers of the bins.
    is_numbered
        Whether the column `document` is the row index.
    identity
        The columns that name documents.
    by
        Those of the rule `by` in the assignment that are compared with the documents.
    names
        Those that are compared with the names of the documents.
    """

    options: PackingOptions
    limits: "kernels.verification.Limits"
    numbering: Numbering
    is_numbered: bool
    identity: list[str]
    by: tuple[str, ...]
    names: list[str]

    def check(
        self, batch: StartedBatch, bins: "kernels.verification.Bins"
    ) -> Int64Array:
        """Check rows, and add them to the bins that are summed up.

        Returns the tokens of each document that ends in these rows. Raises
        VerificationError if a row, or such a document, is wrong.
        """
        columns = _as_columns(batch)
        columns = columns._replace(bin=self.numbering.places(columns.bin))
        document = None
        if self.is_numbered:
            document = _as_array(_integers(batch, "document"))
            document = document.astype(np.int64, copy=False)
            document.flags.writeable = False
        groups = self._groups_of(batch, columns.chunk_start)
        tokens = np.empty(batch.n_starts, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            row, reason = kernels.verification.check_rows(
                document, columns, groups, self.limits, batch.before, tokens, bins
            )
        if reason != kernels.verification.OK:
            raise batch.error(describe(reason, self.options), int(row))
        if batch.groups is not None:
            other = batch.groups != groups
            if np.any(other):
                what = f"a row has another {list(self.by)} than its document"
                raise batch.error(what, int(other.argmax()))
        if self.identity:
            self._check_identity(batch, columns.chunk_start)
        if batch.expected is not None and batch.expected.names is not None:
            self._check_names(batch, columns.chunk_start, batch.expected.names)
        # A document ends where the next one starts.
        tokens = tokens[: batch.n_starts - (batch.before.n_documents == 0)]
        tokens.flags.writeable = False  # the one flavour that kernels are compiled for
        if batch.expected is not None:
            batch.expected.check(tokens, self.options)
        return tokens

    def _groups_of(
        self, batch: StartedBatch, chunk_start: npt.NDArray[Any]
    ) -> npt.NDArray[np.int32] | None:
        """Return the group of each row: that of its document, if it is known."""
        if batch.expected is None or batch.expected.groups is None:
            return batch.groups
        groups: npt.NDArray[np.int32] = batch.expected.groups[
            np.cumsum(chunk_start == 0)
        ]
        groups.flags.writeable = False
        return groups

    def _check_identity(
        self, batch: StartedBatch, chunk_start: npt.NDArray[Any]
    ) -> None:
        """Check that all rows of a document identify the same one."""
        rows = np.flatnonzero(chunk_start)
        identity = batch.table.select(cs.by_name(*self.identity))
        shift = 0
        if batch.last_row is not None:
            last_row = batch.last_row.select(cs.by_name(*self.identity))
            identity = pl.concat([last_row, identity])
            shift = 1
        for values in identity:
            same = values.gather(rows + shift).eq_missing(
                values.gather(rows + shift - 1)
            )
            if not same.all():
                what = (
                    f"a document changes its {values.name!r} from one chunk to the next"
                )
                raise batch.error(what, int(rows[same.arg_min() or 0]))

    def _check_names(
        self,
        batch: StartedBatch,
        chunk_start: npt.NDArray[Any],
        names: pl.DataFrame,
    ) -> None:
        """Check that documents are called as in the corpus, by their first rows."""
        rows = np.flatnonzero(chunk_start == 0)
        for name in self.names:
            expected = names.get_column(name)
            found = batch.table.get_column(name).gather(rows)
            first = find_other_name(found, expected)
            if first is not None:
                what = (
                    f"a document has the {name!r} {found[first]!r}, and "
                    f"{expected[first]!r} among the lengths"
                )
                raise batch.error(what, int(rows[first]))


def _as_columns(batch: StartedBatch) -> "kernels.verification.Columns":
    """Return the columns as the kernel takes them; refuse what it cannot see."""
    columns = {name: _integers(batch, name) for name in COLUMNS}
    empty = {name: columns[name] for name in ("bin", "bin_offset")}
    has_nulls = any(column.null_count() for column in empty.values())
    for name, column in columns.items():
        if name in empty:
            # In most tables no bin is null, and the kernel sees that none is negative.
            is_wrong = column == -1 if has_nulls else None
            what = f"`{name}` is negative"
        else:
            is_wrong = column.is_null() if column.null_count() else None
            what = f"`{name}` is null"
        if is_wrong is not None and is_wrong.any():
            raise batch.error(what, is_wrong.arg_max() or 0)
    arrays = [_as_array(column) for column in columns.values()]
    return kernels.verification.Columns(has_nulls, *arrays)


def _integers(batch: StartedBatch, name: str) -> pl.Series:
    """Return a column as Int32 or Int64."""
    column, is_wrong = as_integers(batch.table.get_column(name))
    if is_wrong is not None and is_wrong.any():
        what = f"`{name}` is no integer of 64 bits"
        raise batch.error(what, is_wrong.arg_max() or 0)
    return column


def _as_array(column: pl.Series) -> npt.NDArray[Any]:
    """Return a column as an array; null is -1, which is no document's number."""
    if column.null_count():
        column = column.fill_null(-1)
    array = column.to_numpy()
    array.flags.writeable = False  # the one flavour that kernels are compiled for
    return array


def describe(reason: int, options: PackingOptions) -> str:
    """Say what is wrong with a row, by the reason that the kernel gives."""
    kernel = kernels.verification
    return {
        kernel.NOT_IN_ORDER: (
            "a chunk does not start where the one before it in its document ends"
        ),
        kernel.SPLIT: (
            "a document is in several chunks, and `long_documents` is "
            f"{options.long_documents!r}"
        ),
        kernel.NOT_WHOLE: (
            "a chunk that is not the last of its document is shorter than it has to be"
        ),
        kernel.BAD_CHUNK: (
            "a chunk is longer than it may be, or has no tokens beside others"
        ),
        kernel.SHORT: (
            "the remainder of a document is shorter than `min_chunk` "
            f"{options.min_chunk:,}"
        ),
        kernel.BAD_BIN: "a chunk has no bin, or an empty one has a bin",
        kernel.NEGATIVE_BIN: "`bin` is negative",
        kernel.NEGATIVE_OFFSET: "`bin_offset` is negative",
        kernel.BAD_OFFSET: (
            "a chunk starts before its bin, or where `align` does not let it"
        ),
        kernel.OVER_CAPACITY: "a chunk ends behind the end of its bin",
        kernel.BAD_DOCUMENT: (
            "`document` does not count the documents from 0 on\n"
            "Hint: rows go by documents; sort by `document` and `chunk_start`."
        ),
    }[reason]
