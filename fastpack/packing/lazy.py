"""Lazy frames: two streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from fastpack.documents.batches import (
    Documents,
    count_documents,
    new_counter,
    select_columns,
)
from fastpack.documents.grouped_histogram import GroupedHistogram, Histogram
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.streaming import collect_in_batches, generate_lazily
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.assigner import Assigner
from fastpack.packing.plan import PackingPlan


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

    def tables(wanted: Sequence[str]) -> Generator[pl.DataFrame]:
        identity = [] if kept is None else [c for c in kept.columns if c in wanted]
        with start() as started:
            yield from _tables(documents, identity, started)

    return generate_lazily(Assigner.empty_table(kept).schema, tables)


def _tables(
    documents: Documents, identity: Sequence[str], start: Start
) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch; the columns `identity` are kept."""
    counter = new_counter(documents)
    histogram = start.plan.histogram
    encoder = None
    if isinstance(histogram, GroupedHistogram):
        encoder = GroupEncoder(histogram.groups)
    for batch in collect_in_batches(select_columns(documents, identity)):
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
