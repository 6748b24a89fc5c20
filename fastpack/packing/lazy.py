"""Lazy frames: streaming passes, and nothing as long as the corpus is held.

The first pass counts lengths, the second assigns them. With the rule `block_documents`,
one pass packs a block at a time.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

from fastpack.documents.batches import Documents, join_batches
from fastpack.documents.blocks import cut_at_blocks
from fastpack.documents.counter import BlockCounter, count_documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.streaming import generate_lazily
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.assigner import CorpusAssigner, empty_table
from fastpack.packing.in_memory import pack_blocks
from fastpack.packing.plan import PackingPlan


class AssignmentStart(NamedTuple):
    """The state in which assigning starts.

    Parameters
    ----------
    assigner
        An assigner that stands at the first document.
    counter
        A counter that stands there.
    expected
        The documents that are to come, as they were counted.
    """

    assigner: CorpusAssigner
    counter: BlockCounter
    expected: Histogram


def pack_lazily(documents: Documents, options: PackingOptions) -> pl.LazyFrame:
    """Pack as `fastpack.pack` does; nothing is read before the result is collected."""
    if options.block_documents is not None:
        return _generate(documents, lambda read: _pack_blocks(read, options))

    @contextmanager
    def start() -> Iterator[AssignmentStart]:
        histogram = count_documents(documents)
        plan = PackingPlan(histogram, options)
        counter = BlockCounter(documents.name, documents.by)
        yield AssignmentStart(plan.blocks.assigner(), counter, histogram)

    return assign_lazily(documents, start)


def _pack_blocks(
    documents: Documents, options: PackingOptions
) -> Iterator[pl.DataFrame]:
    """Pack a block at a time; give its rows in some tables."""
    parts = cut_at_blocks(documents.batches(), options.block_documents)
    blocks = (
        (number, join_batches([part for _, part in of_block]))
        for number, of_block in groupby(parts, key=itemgetter(0))
    )
    for _, tables in pack_blocks(blocks, options):
        yield from tables


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

    def tables(read: Documents) -> Iterator[pl.DataFrame]:
        with start() as started:
            yield from _assign(read, started)

    return _generate(documents, tables)


def _generate(
    documents: Documents, tables: Callable[[Documents], Iterator[pl.DataFrame]]
) -> pl.LazyFrame:
    """Return the rows lazily; `tables` makes them of the columns that are read."""
    kept = documents.kept

    def generate(wanted: Sequence[str]) -> Generator[pl.DataFrame]:
        names = (
            [] if kept is None else [name for name in kept.columns if name in wanted]
        )
        yield from tables(documents.keeping(names))

    return generate_lazily(empty_table(kept).schema, generate)


def _assign(documents: Documents, start: AssignmentStart) -> Iterator[pl.DataFrame]:
    """Assign documents batch by batch."""
    for batch in documents.batches():
        start.counter.add(batch)
        yield from start.assigner.tables(batch)
    # Rows of another plan look like any others: compare the counts.
    if start.counter.histogram() != start.expected:
        msg = (
            "the data changed while they were packed: the lengths assigned are not "
            "those that were counted\nHint: pack them again."
        )
        raise DataError(msg)
