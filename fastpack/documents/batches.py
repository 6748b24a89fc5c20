"""Batches: the documents of a frame, checked; a lazy frame gives many, in order."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack.documents.groups import select_by
from fastpack.documents.inputs import (
    DEFAULT_LENGTH,
    LENGTHS,
    FrameLike,
    Keep,
    as_expression,
    as_frame,
    as_list,
    check_lengths,
    check_names,
    select_kept,
    select_lengths,
)
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import DataError
from fastpack.forks import refuse_forked
from fastpack.threads import n_threads

_BY = "\0by"
"""The prefix of the columns `by` beside kept ones, which may be the same."""


class Batch(NamedTuple):
    """Consecutive documents, checked: the input of every step of a packing.

    Parameters
    ----------
    lengths
        The length of each document, in tokens: integers, none null.
    kept
        The columns that identify documents, a row each; None for the row index.
    by
        The columns of the rule `by`, a row each; no columns without the rule.
    groups
        The number of each document's group in the plan, if it is known already.
    """

    lengths: pl.Series
    kept: pl.DataFrame | None
    by: pl.DataFrame
    groups: npt.NDArray[np.int32] | None = None

    @property
    def n_documents(self) -> int:
        """The documents of the batch."""
        return len(self.lengths)

    def part(self, start: int, end: int) -> "Batch":
        """Return the documents from one row up to another, without a copy."""
        if start == 0 and end >= self.n_documents:
            return self
        return Batch(
            lengths=self.lengths[start:end],
            kept=None if self.kept is None else self.kept[start:end],
            by=self.by[start:end],
            groups=None if self.groups is None else self.groups[start:end],
        )


def split_batch(batch: Batch) -> list[Batch]:
    """Cut a batch into equal parts of consecutive documents, one a thread."""
    n_parts = n_threads(batch.n_documents)
    size = max(1, -(-batch.n_documents // n_parts))
    starts = range(0, max(1, batch.n_documents), size)
    return [batch.part(start, start + size) for start in starts]


def join_batches(batches: Sequence[Batch]) -> Batch:
    """Return the documents of all batches, of which there is at least one."""
    if len(batches) == 1:
        return batches[0]
    lengths = [batch.lengths.to_frame() for batch in batches]
    kept = [batch.kept for batch in batches if batch.kept is not None]
    return Batch(
        lengths=pl.concat(lengths, how="vertical_relaxed", rechunk=False).to_series(),
        kept=pl.concat(kept, rechunk=False) if kept else None,
        by=pl.concat([batch.by for batch in batches], rechunk=False),
    )


def select_batch(
    frame: pl.DataFrame,
    length: str | pl.Expr,
    keep: Keep | None = None,
    by: Sequence[str] = (),
) -> Batch:
    """Take the documents of a frame as one batch; negative lengths pass."""
    return Batch(
        lengths=select_lengths(frame, length),
        kept=None if keep is None else select_kept(frame, keep),
        by=select_by(frame, by),
    )


def as_batch(
    lengths: FrameLike, by: Sequence[str], length: str | pl.Expr | None = None
) -> Batch:
    """Turn a table of lengths and the columns `by`, of any kind, into a batch."""
    frame = as_frame(lengths, "lengths")
    if length is None:
        length = _name_of_lengths(frame.columns, by)
    return select_batch(frame, length, by=by)


class Documents(NamedTuple):
    """The documents of a lazy frame.

    Parameters
    ----------
    frame
        The columns that are read: the kept ones, those of `by`, under other names, and
        the lengths, under the name `LENGTHS`.
    name
        The name of the lengths.
    kept
        The columns that are kept, in a frame without rows; None for the row index.
    by
        The columns of the rule `by`, in a frame without rows.
    """

    frame: pl.LazyFrame
    name: str
    kept: pl.DataFrame | None
    by: pl.DataFrame

    def batches(self) -> Iterator[Batch]:
        """Read the documents in their order, in batches of bounded size."""
        first_row = 0
        for batch in collect_in_batches(self.frame):
            yield self._check(batch, first_row)
            first_row += batch.height

    def read(self) -> Batch:
        """Read all documents as one batch."""
        return self._check(self.frame.collect(), 0)

    def keeping(self, names: Sequence[str]) -> "Documents":
        """Return the same documents with only some of the columns that are kept."""
        kept = None
        if self.kept is not None and names:
            kept = self.kept.select(cs.by_name(*names))
        by = [f"{_BY}{number}" for number in range(self.by.width)]
        frame = self.frame.select(cs.by_name(*names, *by, LENGTHS))
        return self._replace(frame=frame, kept=kept)

    def _check(self, batch: pl.DataFrame, first_row: int) -> Batch:
        by = [
            batch.get_column(f"{_BY}{number}").rename(name)
            for number, name in enumerate(self.by.columns)
        ]
        kept = None
        if self.kept is not None:
            kept = batch.select(cs.by_name(*self.kept.columns))
        lengths = batch.get_column(LENGTHS).rename(self.name)
        return Batch(
            lengths=check_lengths(lengths, first_row),
            kept=kept,
            by=select_by(pl.DataFrame(by), self.by.columns, first_row),
        )


def select_documents(
    frame: pl.LazyFrame,
    length: str | pl.Expr,
    keep: Keep | None = None,
    by: Sequence[str] = (),
) -> Documents:
    """Select the columns of a lazy frame that packing reads; check its schema."""
    refuse_forked()
    empty = select_batch(pl.DataFrame(schema=frame.collect_schema()), length, keep, by)
    columns = [] if keep is None else map(as_expression, as_list(keep))
    groups = (
        as_expression(name).alias(f"{_BY}{number}") for number, name in enumerate(by)
    )
    selected = frame.select(*columns, *groups, as_expression(length).alias(LENGTHS))
    return Documents(selected, empty.lengths.name, empty.kept, empty.by)


def as_documents(
    lengths: FrameLike | pl.LazyFrame,
    by: Sequence[str],
    length: str | pl.Expr | None = None,
    keep: Sequence[str] | None = None,
) -> Documents:
    """Turn a table of lengths, lazy or not, with `by` and `keep`, into documents."""
    if not isinstance(lengths, pl.LazyFrame):
        lengths = as_frame(lengths, "lengths").lazy()
    if length is None:
        length = _name_of_lengths(lengths.collect_schema().names(), by)
    return select_documents(lengths, length, keep, by)


def _name_of_lengths(names: Sequence[str], by: Sequence[str]) -> str:
    """Return the one column that is not in `by`, or of several the default."""
    check_names(names, "by", by)
    others = [name for name in names if name not in by]
    if len(others) == 1:
        return others[0]
    if DEFAULT_LENGTH in others:
        return DEFAULT_LENGTH
    beside = " beside `by`" if by else ""
    msg = (
        f"`lengths` must be one column{beside}, got {len(others)}: {others}, none of "
        f"them {DEFAULT_LENGTH!r}\n"
        "Hint: select the column that holds them, such as data['n_tokens']."
    )
    raise DataError(msg)
