"""Lazy frames: two streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them. Polars' unstable streaming
calls, `LazyFrame.collect_batches` and `register_io_source`, are made here and nowhere
else.
"""

from collections.abc import Iterator

import polars as pl
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


def pack_lazily(
    frame: pl.LazyFrame,
    length: str | pl.Expr,
    keep: Keep | None,
    options: PackingOptions,
) -> pl.LazyFrame:
    """Pack as `fastpack.pack` does; `frame` is read when the result is collected.

    What the schema tells is checked at once. Of the result, only the columns that are
    asked for are made, and of `frame` only those that they need are read; a limit ends
    the second pass early.
    """
    empty = pl.DataFrame(schema=frame.collect_schema())
    name = select_lengths(empty, length).name
    kept = None if keep is None else select_kept(empty, keep)
    schema = Assigner.empty_table(kept).schema
    lengths = frame.select(as_expression(length))
    documents = frame.select(
        *([] if keep is None else map(as_expression, as_list(keep))),
        as_expression(length).alias(LENGTHS),
    )

    def rows(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        _batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        plan = PackingPlan(count_lazily(lengths, name), options)
        wanted = list(schema) if with_columns is None else with_columns
        identity = [] if kept is None else [c for c in kept.columns if c in wanted]
        left = plan.n_rows if n_rows is None else n_rows
        for table in _tables(documents.select(*identity, LENGTHS), plan):
            taken = table[:left].select(wanted)
            left -= taken.height
            yield taken if predicate is None else taken.filter(predicate)
            if left == 0 and n_rows is not None:
                return

    return register_io_source(rows, schema=schema)


def count_lazily(lengths: pl.LazyFrame, name: str) -> LengthHistogram:
    """Count the one column of a lazy frame, batch by batch."""
    counter = LengthCounter(name)
    for batch in lengths.collect_batches(chunk_size=_BATCH_ROWS):
        column = batch.to_series().rename(name)
        counter.add_column(check_lengths(column, first_row=counter.n_rows))
    return counter.histogram()


def _tables(documents: pl.LazyFrame, plan: PackingPlan) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch; columns beside the lengths are kept."""
    assigner = plan.assigner()
    n_documents = 0
    for batch in documents.collect_batches(chunk_size=_BATCH_ROWS):
        n_documents += batch.height
        kept = batch.drop(LENGTHS)
        yield from assigner.tables(
            check_lengths(batch.get_column(LENGTHS)), kept if kept.width else None
        )
    if n_documents != plan.n_documents:
        msg = (
            f"the data changed while they were packed: {plan.n_documents:,} documents "
            f"were counted, {n_documents:,} assigned\nHint: pack them again."
        )
        raise DataError(msg)
