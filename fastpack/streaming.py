"""Lazy frames: two streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them. Polars' unstable streaming
calls, `LazyFrame.collect_batches` and `register_io_source`, are made here and nowhere
else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import polars as pl
import polars.selectors as cs
from polars.io.plugins import register_io_source

from fastpack.assigning import Assigner
from fastpack.errors import DataError
from fastpack.grouped_histogram import GroupCounter, GroupedHistogram, Histogram
from fastpack.groups import GroupEncoder, select_by
from fastpack.histogram import LengthCounter
from fastpack.inputs import (
    LENGTHS,
    Keep,
    as_expression,
    as_list,
    check_lengths,
    check_names,
    select_kept,
    select_lengths,
)
from fastpack.options import PackingOptions
from fastpack.planning import PackingPlan

_BATCH_ROWS = 1 << 18
"""Documents of a batch: with their rows of the assignment, some 10 MB."""


_BY = "\0by"
"""The names of the columns that tell groups apart, with their numbers: they may be kept
too."""


class Start(NamedTuple):
    """What assigning starts from.

    Parameters
    ----------
    plan
        The plan of the whole.
    assigner
        An assigner of this plan that stands at the first document.
    expected
        The documents that are to come, as they were counted.
    """

    plan: PackingPlan
    assigner: Assigner
    expected: Histogram


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


def batches(frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Give the rows of a lazy frame in their order, in parts of bounded size."""
    yield from frame.collect_batches(chunk_size=_BATCH_ROWS)


def count_documents(documents: Documents) -> Histogram:
    """Count lengths, in each group, batch by batch."""
    counter = new_counter(documents)
    for batch in batches(_select(documents, [])):
        first_row = counter.n_rows
        lengths = documents.lengths_of(batch, first_row)
        counter.add_columns(lengths, documents.groups_of(batch, first_row))
    return counter.histogram()


def new_counter(documents: Documents) -> LengthCounter | GroupCounter:
    """Return what counts documents, in groups if there are some."""
    if documents.by.width:
        return GroupCounter(documents.name, documents.by)
    return LengthCounter(documents.name)


def _select(documents: Documents, kept: Sequence[str]) -> pl.LazyFrame:
    """Select what is needed where only some columns are kept."""
    by = [f"{_BY}{number}" for number in range(documents.by.width)]
    return documents.frame.select(cs.by_name(*kept, *by, LENGTHS))


def pack_lazily(documents: Documents, options: PackingOptions) -> pl.LazyFrame:
    """Pack as `fastpack.pack` does; nothing is read before the result is collected."""

    @contextmanager
    def start() -> Iterator[Start]:
        histogram = count_documents(documents)
        plan = PackingPlan(histogram, options)
        yield Start(plan, plan.assigner(), histogram)

    return assign_lazily(documents, start)


def assign_lazily(
    documents: Documents, start: Callable[[], AbstractContextManager[Start]]
) -> pl.LazyFrame:
    """Assign documents when the result is collected, batch by batch.

    Of the result, only the columns that are asked for are made, and only those that
    they need are read; a limit ends the pass early.

    Parameters
    ----------
    documents
        What is assigned.
    start
        Surrounds each collection.
    """
    kept = documents.kept
    schema = Assigner.empty_table(kept).schema

    def rows(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        _batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        wanted = list(schema) if with_columns is None else with_columns
        identity = [] if kept is None else [c for c in kept.columns if c in wanted]
        with start() as started:
            for table in _tables(documents, identity, started):
                taken = table if n_rows is None else table[:n_rows]
                taken = taken.select(cs.by_name(*wanted))
                yield taken if predicate is None else taken.filter(predicate)
                if n_rows is not None:
                    n_rows -= taken.height
                    if n_rows == 0:
                        return

    return register_io_source(rows, schema=schema)


def _tables(
    documents: Documents, identity: Sequence[str], start: Start
) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch; the columns `identity` are kept."""
    counter = new_counter(documents)
    histogram = start.plan.histogram
    encoder = None
    if isinstance(histogram, GroupedHistogram):
        encoder = GroupEncoder(histogram.groups)
    for batch in batches(_select(documents, identity)):
        first_row = counter.n_rows
        lengths = documents.lengths_of(batch, first_row)
        by = documents.groups_of(batch, first_row)
        counter.add_columns(lengths, by)
        yield from start.assigner.tables(
            lengths,
            batch.select(cs.by_name(*identity)) if identity else None,
            None if encoder is None else encoder.encode(by),
        )
    # Rows that do not belong to this plan could not be told by themselves.
    if counter.histogram() != start.expected:
        msg = (
            "the data changed while they were packed: the lengths assigned are not "
            "those that were counted\nHint: pack them again."
        )
        raise DataError(msg)
