"""Lazy frames: two streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them. Polars' unstable streaming
calls, `LazyFrame.collect_batches` and `register_io_source`, are made here and nowhere
else.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, TypeAlias

import polars as pl
import polars.selectors as cs
from polars.io.plugins import register_io_source

from fastpack.assigning import Assigner
from fastpack.errors import DataError
from fastpack.histogram import LengthCounter, LengthHistogram
from fastpack.inputs import (
    LENGTHS,
    Keep,
    as_expression,
    as_list,
    check_lengths,
    select_kept,
    select_lengths,
)
from fastpack.options import PackingOptions
from fastpack.planning import PackingPlan

_BATCH_ROWS = 1 << 18
"""Documents of a batch: with their rows of the assignment, some 10 MB."""


Start: TypeAlias = tuple[Assigner, LengthHistogram]
"""What assigning starts from: an assigner, and the lengths that are to come."""


class Documents(NamedTuple):
    """Of a lazy frame, what packing reads.

    Parameters
    ----------
    frame
        The columns that are kept, and the lengths, under the name `LENGTHS`.
    name
        The name of the lengths.
    kept
        A frame of no rows: the columns that are kept; None for the row index.
    """

    frame: pl.LazyFrame
    name: str
    kept: pl.DataFrame | None


def select_documents(
    frame: pl.LazyFrame, length: str | pl.Expr, keep: Keep | None
) -> Documents:
    """Select what packing reads; what the schema tells is checked at once."""
    empty = pl.DataFrame(schema=frame.collect_schema())
    name = select_lengths(empty, length).name
    kept = None if keep is None else select_kept(empty, keep)
    columns = [] if keep is None else map(as_expression, as_list(keep))
    lengths = as_expression(length).alias(LENGTHS)
    return Documents(frame.select(*columns, lengths), name, kept)


def count_documents(documents: Documents) -> LengthHistogram:
    """Count lengths, batch by batch."""
    counter = LengthCounter(documents.name)
    lengths = documents.frame.select(LENGTHS)
    for batch in lengths.collect_batches(chunk_size=_BATCH_ROWS):
        column = batch.to_series().rename(documents.name)
        counter.add_column(check_lengths(column, first_row=counter.n_rows))
    return counter.histogram()


def pack_lazily(documents: Documents, options: PackingOptions) -> pl.LazyFrame:
    """Pack as `fastpack.pack` does; nothing is read before the result is collected."""

    @contextmanager
    def start() -> Iterator[Start]:
        histogram = count_documents(documents)
        yield PackingPlan(histogram, options).assigner(), histogram

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
        Surrounds each collection; gives an assigner that stands at the first document,
        and the histogram of the documents as they were planned.
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
        frame = documents.frame.select(cs.by_name(*identity, LENGTHS))
        with start() as (assigner, planned):
            for table in _tables(frame, assigner, planned):
                taken = table if n_rows is None else table[:n_rows]
                taken = taken.select(cs.by_name(*wanted))
                yield taken if predicate is None else taken.filter(predicate)
                if n_rows is not None:
                    n_rows -= taken.height
                    if n_rows == 0:
                        return

    return register_io_source(rows, schema=schema)


def _tables(
    frame: pl.LazyFrame, assigner: Assigner, planned: LengthHistogram
) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch; columns beside the lengths are kept."""
    counter = LengthCounter()
    for batch in frame.collect_batches(chunk_size=_BATCH_ROWS):
        lengths = check_lengths(batch.get_column(LENGTHS))
        counter.add_column(lengths)
        kept = batch.drop(LENGTHS)
        yield from assigner.tables(lengths, kept if kept.width else None)
    # Rows that do not belong to this plan could not be told by themselves.
    if counter.histogram() != planned:
        msg = (
            "the data changed while they were packed: the lengths assigned are not "
            "those that were counted\nHint: pack them again."
        )
        raise DataError(msg)
