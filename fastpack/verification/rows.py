"""Check rows: documents once each, in order, in the chunks that the rules give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack.documents.batches import Documents
from fastpack.documents.groups import GroupEncoder, select_by
from fastpack.documents.length_table import LengthTable
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import DataTypeError, VerificationError
from fastpack.options import PackingOptions
from fastpack.verification.bins import BinCheck

Columns = dict[str, npt.NDArray[Any]]

_COLUMNS = ("chunk_start", "chunk_length", "bin", "bin_offset")

_REASONS = {
    1: "a chunk does not start where the one before it in its document ends",
    2: "a chunk that is not the last of its document is shorter than it has to be",
    3: "a chunk is longer than it may be, or has no tokens beside others",
    4: "a chunk has no bin, or one where nothing is packed",
    5: "a chunk starts before its bin, or where `align` does not let it",
    6: "a chunk ends behind the end of its bin",
    7: "`document` does not count the documents from 0 on",
}


class RowCheck:
    """Checks the rows of an assignment, batch by batch.

    Parameters
    ----------
    table
        The assignment.
    options
        The rules.
    n_bins
        How many bins there are.
    documents
        The documents that were packed, or None if they are not known.
    """

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        n_bins: int,
        documents: Documents | None,
    ) -> None:
        from fastpack.kernels import verification  # noqa: PLC0415

        self._kernel = verification
        self._table = table
        self._options = options
        self._limits = np.array(
            [
                options.context_length,
                options.max_chunk,
                options.extra_tokens,
                options.align,
                n_bins,
            ]
        )
        names = table.collect_schema().names()
        self._identity = [name for name in names if name not in _COLUMNS]
        by = options.by_columns
        self._by_in_table = bool(by) and set(by) <= set(names)
        self._documents = documents
        in_documents = documents is not None and documents.by.width > 0
        self.has_groups = self._by_in_table or in_documents
        self._encoder: GroupEncoder | None = None
        self._names = [*self._identity, *_COLUMNS]
        self.lengths = LengthTable()
        self.n_documents = self.n_rows = self.n_chunks = self.packed = 0

    def check(self, bins: BinCheck) -> None:
        """Check all rows; add them to the bins that are to be summed up."""
        stream = _DocumentStream(self._documents, self._options)
        self.n_documents = self.n_rows = self.n_chunks = self.packed = 0
        state = np.array([0, -1, 0, 0])
        # The tokens that documents which have started should have.
        expected = np.empty(0, np.int64)
        last: pl.DataFrame | None = None
        for batch in collect_in_batches(self._table.select(cs.by_name(*self._names))):
            columns = self._arrays(batch)
            starts = None
            if stream.has_groups or self._identity != ["document"]:
                starts = columns["chunk_start"] == 0
            n_new = np.count_nonzero(columns["chunk_start"] == 0)
            news, numbers = stream.take(int(n_new))
            expected = np.concatenate([expected, news])
            groups = self._groups_of(batch, starts, numbers)
            tokens = np.empty(batch.height + 1, np.int64)
            state[3] = 0
            with np.errstate(over="ignore"):
                row, reason = self._kernel.check_rows(
                    columns.get("document"),
                    columns["chunk_start"],
                    columns["chunk_length"],
                    columns["bin"],
                    columns["bin_offset"],
                    groups,
                    self._limits,
                    bins.key,
                    state,
                    tokens,
                    bins.first_bin,
                    bins.sums,
                    bins.groups,
                )
            if reason:
                raise self._error(_REASONS[reason], batch, int(row))
            if starts is not None and "document" not in columns:
                self._check_identity(batch, starts, last)
                last = batch[-1:]
            ended = int(state[3])
            self._finish(tokens[:ended], expected[:ended])
            expected = expected[ended:]
            self.n_rows += batch.height
            self.n_chunks += int(np.count_nonzero(columns["chunk_length"]))
            self.packed += int(columns["chunk_length"].sum(dtype=np.int64))
        if state[1] >= 0:
            self._finish(state[:1], expected)
        if stream.has_more():
            n = self.n_documents
            msg = f"`lengths` has more documents than the assignment, which has {n:,}"
            raise VerificationError(msg)

    def _finish(
        self, tokens: npt.NDArray[np.int64], expected: npt.NDArray[np.int64]
    ) -> None:
        """Check documents of which all rows were seen."""
        self.lengths.add(tokens)
        if self._documents is not None and not np.array_equal(tokens, expected):
            i = int(np.argmax(tokens != expected))
            msg = (
                f"document {self.n_documents + i:,} has {tokens[i]:,} tokens in the "
                f"assignment; by its length and the rules it has {expected[i]:,}"
            )
            raise VerificationError(msg)
        self.n_documents += tokens.size

    def _arrays(self, batch: pl.DataFrame) -> Columns:
        """Give the columns of a batch as the kernel takes them."""
        columns = {}
        for name in _COLUMNS:
            column = batch.get_column(name)
            if not column.dtype.is_integer():
                msg = f"`{name}` must hold integers, got {column.dtype}"
                raise DataTypeError(msg)
            # -1 will stand for null.
            may_be_null = name in {"bin", "bin_offset"}
            wrong = column == -1 if may_be_null else column.is_null()
            if wrong.any():
                what = f"`{name}` is {'negative' if may_be_null else 'null'}"
                raise self._error(what, batch, wrong.arg_max() or 0)
            if column.dtype not in (pl.Int32, pl.Int64):
                column = column.cast(pl.Int64)
            if column.null_count():
                column = column.fill_null(-1)
            columns[name] = _read_only(column)
        if self._identity == ["document"] and batch.schema["document"] == pl.Int64:
            columns["document"] = _read_only(batch.get_column("document"))
        return columns

    def _groups_of(
        self,
        batch: pl.DataFrame,
        starts: npt.NDArray[np.bool_] | None,
        numbers: npt.NDArray[np.int32] | None,
    ) -> npt.NDArray[np.int32] | None:
        """Return the group of each row."""
        if self._by_in_table:
            by = select_by(batch, self._options.by_columns, self.n_rows)
            self._encoder = self._encoder or GroupEncoder(by.clear())
            return self._encoder.learn(by)
        if numbers is None or starts is None:
            return None
        groups = numbers[np.cumsum(starts)]
        groups.flags.writeable = False
        return groups

    def _check_identity(
        self,
        batch: pl.DataFrame,
        starts: npt.NDArray[np.bool_],
        last: pl.DataFrame | None,
    ) -> None:
        """Check that all rows of a document say the same of it."""
        rows = np.flatnonzero(~starts)
        before = batch if last is None else pl.concat([last, batch])
        shift = 0 if last is None else 1
        for name in self._identity:
            values = before.get_column(name)
            same = values.gather(rows + shift).eq_missing(
                values.gather(rows + shift - 1)
            )
            if not same.all():
                row = int(rows[same.arg_min() or 0])
                what = f"a document changes its {name!r} from one chunk to the next"
                raise self._error(what, batch, row)

    def _error(self, what: str, batch: pl.DataFrame, row: int) -> VerificationError:
        first = max(row - 1, 0)
        shown = batch.with_row_index("row", self.n_rows)[first : row + 4]
        return VerificationError(f"{what}: in row {self.n_rows + row:,}\n{shown}")


def _read_only(column: pl.Series) -> npt.NDArray[Any]:
    """Return an array of the one flavour that kernels are compiled for."""
    array = column.rechunk().to_numpy()
    array.flags.writeable = False
    return array


def packed_tokens(
    lengths: npt.NDArray[np.int64], options: PackingOptions
) -> npt.NDArray[np.int64]:
    """Return how many tokens of documents of these lengths are packed."""
    longest = options.max_chunk
    packed = lengths.copy()
    is_long = lengths > longest
    if options.long_documents == "truncate":
        packed[is_long] = longest
    elif options.long_documents == "drop":
        packed[is_long] = 0
    elif options.long_documents == "split":
        remainders = lengths % longest
        dropped = is_long & (remainders < options.min_chunk)
        packed[dropped] -= remainders[dropped]
    return packed


class _DocumentStream:
    """Gives the documents that should have been packed, so many at a time."""

    def __init__(self, documents: Documents | None, options: PackingOptions) -> None:
        self._documents = documents
        self._options = options
        self._batches = iter(()) if documents is None else documents.batches()
        self._encoder = None if documents is None else GroupEncoder(documents.by)
        self._tokens = np.empty(0, np.int64)
        self._numbers = np.empty(0, np.int32)
        self._last_number = np.zeros(1, np.int32)
        self._n_read = 0
        self.has_groups = documents is not None and documents.by.width > 0

    def take(
        self, n: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32] | None]:
        """Return the tokens of the next n documents; the groups of the one before too.

        Without documents to look at: nothing, and None.
        """
        if self._documents is None:
            return np.empty(0, np.int64), None
        while self._tokens.size < n and self._read():
            pass
        if self._tokens.size < n:
            msg = f"the assignment has more documents than `lengths`: {self._n_read:,}"
            raise VerificationError(msg)
        tokens, self._tokens = self._tokens[:n], self._tokens[n:]
        if not self._documents.by.width:
            return tokens, None
        numbers = np.concatenate([self._last_number, self._numbers[:n]])
        self._last_number, self._numbers = numbers[-1:], self._numbers[n:]
        return tokens, numbers

    def has_more(self) -> bool:
        """Say whether there are documents that were not taken."""
        while self._tokens.size == 0 and self._read():
            pass
        return self._tokens.size > 0

    def _read(self) -> bool:
        if self._documents is None or self._encoder is None:
            return False
        batch = next(self._batches, None)
        if batch is None:
            return False
        lengths = batch.lengths.cast(pl.Int64).to_numpy()
        packed = packed_tokens(lengths, self._options)
        self._tokens = np.concatenate([self._tokens, packed])
        numbers = self._encoder.learn(batch.by)
        if numbers is not None:
            self._numbers = np.concatenate([self._numbers, numbers])
        self._n_read += lengths.size
        return True
