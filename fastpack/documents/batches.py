"""Documents: what packing reads of a lazy frame, a batch at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from fastpack.documents.grouped_histogram import GroupCounter, Histogram
from fastpack.documents.groups import select_by
from fastpack.documents.histogram import LengthCounter
from fastpack.documents.inputs import (
    LENGTHS,
    Keep,
    as_expression,
    as_list,
    check_lengths,
    check_names,
    select_kept,
    select_lengths,
)
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import DataError

_BY = "\0by"
"""The names of the columns that tell groups apart, with their numbers: they may be kept
too."""


class Documents(NamedTuple):
    """Of a lazy frame, what packing reads.

    Parameters
    ----------
    frame
        The columns that are kept, those that tell groups apart, under other names, and
        the lengths, under the name `LENGTHS`.
    name
        The name of the lengths.
    kept
        A frame of no rows: the columns that are kept; None for the row index.
    by
        A frame of no rows: the columns that tell groups apart.
    """

    frame: pl.LazyFrame
    name: str
    kept: pl.DataFrame | None
    by: pl.DataFrame

    def lengths_of(self, batch: pl.DataFrame, first_row: int) -> pl.Series:
        """Take the checked lengths out of a batch of the frame."""
        column = batch.get_column(LENGTHS).rename(self.name)
        return check_lengths(column, first_row)

    def kept_of(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Take the columns that are kept out of a batch of the frame."""
        columns = [] if self.kept is None else self.kept.columns
        return batch.select(cs.by_name(*columns))

    def groups_of(self, batch: pl.DataFrame, first_row: int) -> pl.DataFrame:
        """Take the checked columns that tell groups apart out of a batch."""
        columns = [
            batch.get_column(f"{_BY}{number}").rename(name)
            for number, name in enumerate(self.by.columns)
        ]
        return select_by(pl.DataFrame(columns), self.by.columns, first_row)


def select_documents(
    frame: pl.LazyFrame,
    length: str | pl.Expr,
    keep: Keep | None,
    by: Sequence[str] = (),
) -> Documents:
    """Select what packing reads; what the schema tells is checked at once."""
    empty = pl.DataFrame(schema=frame.collect_schema())
    name = select_lengths(empty, length).name
    kept = None if keep is None else select_kept(empty, keep)
    columns = [] if keep is None else map(as_expression, as_list(keep))
    lengths = as_expression(length).alias(LENGTHS)
    groups = (
        as_expression(name).alias(f"{_BY}{number}") for number, name in enumerate(by)
    )
    selected = frame.select(*columns, *groups, lengths)
    return Documents(selected, name, kept, select_by(empty, by))


def lengths_alone(frame: pl.LazyFrame, by: Sequence[str]) -> Documents:
    """Select lengths that are handed over in one column, beside those of groups."""
    names = frame.collect_schema().names()
    check_names(names, "by", by)
    others = [name for name in names if name not in by]
    if len(others) != 1:
        msg = (
            f"`lengths` must be one column, got {len(others)}: {others}\n"
            "Hint: select the column that holds them."
        )
        raise DataError(msg)
    return select_documents(frame, others[0], None, by)


def count_documents(documents: Documents) -> Histogram:
    """Count lengths, in each group, batch by batch."""
    counter = new_counter(documents)
    for batch in collect_in_batches(select_columns(documents, [])):
        first_row = counter.n_rows
        lengths = documents.lengths_of(batch, first_row)
        counter.add_columns(lengths, documents.groups_of(batch, first_row))
    return counter.histogram()


def new_counter(documents: Documents) -> LengthCounter | GroupCounter:
    """Return what counts documents, in groups if there are some."""
    if documents.by.width:
        return GroupCounter(documents.name, documents.by)
    return LengthCounter(documents.name)


def select_columns(documents: Documents, kept: Sequence[str]) -> pl.LazyFrame:
    """Select what is needed where only some columns are kept."""
    by = [f"{_BY}{number}" for number in range(documents.by.width)]
    return documents.frame.select(cs.by_name(*kept, *by, LENGTHS))
