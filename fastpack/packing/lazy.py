"""Lazy frames: two streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import polars as pl

from fastpack.documents.batches import Documents
from fastpack.documents.counter import DocumentCounter, count_documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.streaming import generate_lazily
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.assigner import Assigner
from fastpack.packing.plan import PackingPlan


class AssignmentStart(NamedTuple):
    """The state in which assigning starts.

    Parameters
    ----------
    assigner
        An assigner that stands at the first document.
    expected
        The documents that are to come, as they were counted.
    """

    assigner: Assigner
    expected: Histogram


def pack_lazily(documents: Documents, options: PackingOptions) -> pl.LazyFrame:
    """Pack as `fastpack.pack` does; nothing is read before the result is collected."""

    @contextmanager
    def start() -> Iterator[AssignmentStart]:
        histogram = count_documents(documents)
        yield AssignmentStart(PackingPlan(histogram, options).assigner(), histogram)

    return assign_lazily(documents, start)


def assign_lazily(
    documents: Documents, start: Callable[[], AbstractContextManager[AssignmentStart]]
) -> pl.LazyFrame:
    """Assign documents when the result is collected, batch by batch.

    Of the result, only the columns that are asked for are made, and only those that
    they need are read; a limit ends the pass early.

    Parameters
    ----------
    documents
        The documents.
    start
        Context manager, entered once a collection.
    """
    kept = documents.kept

    def tables(wanted: Sequence[str]) -> Generator[pl.DataFrame]:
        names = (
            [] if kept is None else [name for name in kept.columns if name in wanted]
        )
        with start() as started:
            yield from _tables(documents.keeping(names), started)

    return generate_lazily(Assigner.empty_table(kept).schema, tables)


def _tables(documents: Documents, start: AssignmentStart) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch."""
    counter = DocumentCounter(documents.name, documents.by)
    for batch in documents.batches():
        counter.add(batch)
        yield from start.assigner.tables(batch)
    # Rows of another plan look like any others: compare the counts.
    if counter.histogram() != start.expected:
        msg = (
            "the data changed while they were packed: the lengths assigned are not "
            "those that were counted\nHint: pack them again."
        )
        raise DataError(msg)
