"""Documents in memory: counted, planned and assigned on all cores.

Consecutive parts of the documents are counted at the same time, and after the plan
assigned at the same time, each from its ranks: the rows are those of one pass. Small
blocks are packed at the same time, each by one thread.
"""

import functools
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

import polars as pl

from fastpack import threads
from fastpack.documents.batches import Batch, split_batch
from fastpack.documents.blocks import cut_at_blocks, join_blocks
from fastpack.documents.counter import (
    DocumentCounter,
    count_parts,
    merge_counters,
)
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.assigner import ROW_BYTES, Assigner, join_tables
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.chunks import Chunks, refuse_long_documents
from fastpack.packing.placement import OnProgress
from fastpack.packing.plan import PackingPlan
from fastpack.threads import map_in_threads

_MANY_GROUPS = 1000
"""With more groups, the ranks of parts cost more than further threads gain."""

AssignedBlock: TypeAlias = tuple[BlockPlan, list[pl.DataFrame]]
"""The plan of a block, and its rows in some tables."""


def pack_batch(
    batch: Batch,
    options: PackingOptions,
    *,
    plan: PackingPlan | None = None,
    on_progress: OnProgress | None = None,
) -> "PackedBatch":
    """Pack documents that are in memory, all of a corpus.

    Parameters
    ----------
    batch, options
        The documents, and the rules.
    plan
        The plan of these documents, if they were planned before.
    on_progress
        Called as a search finds something better, except if blocks are small.
    """
    blocks = cut_at_blocks([batch], options.block_documents)
    plans: list[BlockPlan] = []
    tables: list[pl.DataFrame] = []
    for of_block, rows in pack_blocks(blocks, options, plan, on_progress):
        plans.append(of_block)
        tables += rows
    table = join_tables(tables, batch.kept)
    return PackedBatch(table, plans, options, batch.by)


class PackedBatch(NamedTuple):
    """The assignment table of a corpus, and what makes the plan of it.

    Parameters
    ----------
    table
        The rows of all documents.
    blocks
        The plan of each block, one of all documents without the rule `block_documents`.
    options
        The rules.
    by
        The columns of the rule `by`.
    """

    table: pl.DataFrame
    blocks: list[BlockPlan]
    options: PackingOptions
    by: pl.DataFrame

    def plan(self) -> PackingPlan:
        """Return the plan, with its figures, which take a tenth of a small packing."""
        histogram = join_blocks(
            [(block.number, block.histogram) for block in self.blocks],
            self.by,
            self.options.block_documents,
        )
        return PackingPlan(histogram, self.options, blocks=self.blocks)


def pack_blocks(
    blocks: Iterable[tuple[int, Batch]],
    options: PackingOptions,
    plan: PackingPlan | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[AssignedBlock]:
    """Pack all blocks of a corpus, in their order.

    Parameters
    ----------
    blocks
        The number and the documents of each.
    options, plan, on_progress
        As for `pack_batch`.
    """
    size = options.block_documents
    if size is None or plan is not None or threads.n_threads(size) > 1:
        yield from _pack_one_by_one(blocks, options, plan, on_progress)
    else:
        yield from _pack_several(blocks, options, size)


def _pack_one_by_one(
    blocks: Iterable[tuple[int, Batch]],
    options: PackingOptions,
    of_all: PackingPlan | None,
    on_progress: OnProgress | None,
) -> Iterator[AssignedBlock]:
    """Pack one block after the other, each by all threads."""
    first_bin = 0
    for number, batch in blocks:
        first_document = number * (options.block_documents or 0)
        parts = split_batch(batch)
        counters, groups = count_parts(parts, first_document)
        histogram = merge_counters(counters)
        if of_all is not None:
            plan = of_all.blocks[number]
        else:
            plan = BlockPlan(histogram, options, number, first_bin)
            _check_plan(plan)
            plan.place(on_progress)
        histograms = [histogram] * len(parts)
        groups = map_in_threads(DocumentCounter.renumber, counters, groups, histograms)
        parts = [
            part._replace(groups=numbers)
            for part, numbers in zip(parts, groups, strict=True)
        ]
        if len(histogram.parts) > _MANY_GROUPS:
            assigner = plan.assigner(first_document=first_document)
            tables = [assigner.table(part) for part in parts]
        else:
            assigners = assigners_for(plan, counters, first_document)
            tables = map_in_threads(Assigner.table, assigners, parts)
        yield plan, tables
        first_bin += plan.n_bins


def assigners_for(
    plan: BlockPlan, counters: Sequence[DocumentCounter], first_document: int = 0
) -> list[Assigner]:
    """Return an assigner for each part of a block, by the counters of the parts."""
    assigners = [plan.assigner(first_document=first_document)]
    before: list[Chunks] | None = None
    for counter in counters[:-1]:
        documents = counter.histogram()
        chunks = plan.cut(documents)
        # Not those of later parts: tables are made no larger than they have to be.
        rows = sum(part.n_chunks + part.n_unpacked for part in chunks)
        assigners[-1].cursors.rows_left = rows
        before = chunks if before is None else list(map(Chunks.plus, before, chunks))
        first_document += documents.n_documents
        assigners.append(plan.assigner(before, first_document))
    return assigners


def _pack_several(
    blocks: Iterable[tuple[int, Batch]], options: PackingOptions, size: int
) -> Iterator[AssignedBlock]:
    """Pack several blocks at the same time, each by one thread.

    They are planned first: then it is known where the bins of each begin.
    """
    n_blocks = max(1, threads.ROWS_A_THREAD // size)
    first_bin = 0
    blocks = iter(blocks)
    while several := list(islice(blocks, n_blocks * threads.n_cores())):
        of_threads = [
            _BlocksOfThread(several[start : start + n_blocks], options, size)
            for start in range(0, len(several), n_blocks)
        ]
        map_in_threads(_BlocksOfThread.plan, of_threads)
        for each in of_threads:
            first_bin = each.move_to(first_bin)
        for packed in map_in_threads(_BlocksOfThread.assign, of_threads):
            yield from packed


class _BlocksOfThread:
    """Consecutive blocks, packed by one thread."""

    def __init__(
        self, blocks: Sequence[tuple[int, Batch]], options: PackingOptions, size: int
    ) -> None:
        self._blocks = blocks
        self._options = options
        self._size = size
        self._planned: list[tuple[BlockPlan, Batch]] = []

    def plan(self) -> None:
        for number, batch in self._blocks:
            counter = DocumentCounter(batch.lengths.name, batch.by)
            counter.table.n_rows = number * self._size
            groups = counter.add(batch)
            histogram = counter.histogram()
            plan = BlockPlan(histogram, self._options, number)
            _check_plan(plan)
            plan.place()
            groups = counter.renumber(groups, histogram)
            self._planned.append((plan, batch._replace(groups=groups)))

    def move_to(self, first_bin: int) -> int:
        """Let the bins begin there; return where they end."""
        for plan, _ in self._planned:
            plan.move_to(first_bin)
            first_bin += plan.n_bins
        return first_bin

    def assign(self) -> list[AssignedBlock]:
        packed = []
        for plan, batch in self._planned:
            assigner = plan.assigner(first_document=plan.number * self._size)
            packed.append((plan, list(assigner.tables(batch))))
            plan.forget_runs()
        return packed


def _check_plan(plan: BlockPlan) -> None:
    """Refuse documents that are too long, by the rules or for this machine.

    One wrong length, 2**62 tokens say, makes more rows than there is memory for, and
    the system would end the process silently.
    """
    refuse_long_documents(plan.histogram.parts, plan.options)
    n_rows = plan.n_chunks + plan.n_unpacked
    n_bytes = n_rows * ROW_BYTES
    if n_bytes > _memory():
        longest = max(int(part.lengths[-1:].sum()) for part in plan.histogram.parts)
        msg = (
            f"the assignment would have {n_rows:,} rows, {n_bytes / 1e9:,.0f} GB: "
            "more than this machine's memory\n"
            f"Hint: the longest document has {longest:,} tokens, `context_length` is "
            f"{plan.options.context_length:,}; are both right?"
        )
        raise DataError(msg)


@functools.cache
def _memory() -> float:
    """Return the bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not known on this system
        return math.inf
