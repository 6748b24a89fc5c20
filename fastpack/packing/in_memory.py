"""Documents in memory: counted, planned and assigned on all cores.

Consecutive parts of the documents are counted at the same time, and after the plan
assigned at the same time, each from its ranks: the rows are those of one pass.
"""

import os
from collections.abc import Sequence

import polars as pl

from fastpack.documents.batches import Batch, split_batch
from fastpack.documents.counter import (
    DocumentCounter,
    count_parts,
    merge_counters,
)
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.assigner import ROW_BYTES, Assigner
from fastpack.packing.chunks import Chunks
from fastpack.packing.plan import PackingPlan
from fastpack.threads import map_in_threads

_MANY_GROUPS = 1000
"""With more groups, the ranks of parts cost more than further threads gain."""


def pack_batch(
    batch: Batch, options: PackingOptions
) -> tuple[pl.DataFrame, PackingPlan]:
    """Pack documents that are in memory, all of a corpus."""
    parts = split_batch(batch)
    counters, groups = count_parts(parts)
    plan = PackingPlan(merge_counters(counters), options)
    _check_memory(plan)
    histograms = [plan.histogram] * len(parts)
    groups = map_in_threads(DocumentCounter.renumber, counters, groups, histograms)
    parts = [
        part._replace(groups=numbers)
        for part, numbers in zip(parts, groups, strict=True)
    ]
    if len(parts) == 1:
        return plan.assigner().table(parts[0]), plan
    if len(plan.histogram.parts) > _MANY_GROUPS:
        assigner = plan.assigner()
        tables = [assigner.table(part) for part in parts]
    else:
        assigners = assigners_for(plan, counters)
        tables = map_in_threads(Assigner.table, assigners, parts)
    return pl.concat(tables, rechunk=False), plan


def assigners_for(
    plan: PackingPlan, counters: Sequence[DocumentCounter]
) -> list[Assigner]:
    """Return an assigner for each part of a corpus, by the counters of the parts."""
    assigners = [plan.assigner()]
    before: list[Chunks] | None = None
    n_documents = 0
    for counter in counters[:-1]:
        documents = counter.histogram()
        chunks = plan.cut(documents)
        # Not those of later parts: tables are made no larger than they have to be.
        rows = sum(part.n_chunks + part.n_unpacked for part in chunks)
        assigners[-1].cursors.rows_left = rows
        before = chunks if before is None else list(map(Chunks.plus, before, chunks))
        n_documents += documents.n_documents
        assigners.append(plan.assigner(before, n_documents))
    return assigners


def _check_memory(plan: PackingPlan) -> None:
    """Refuse a table that this machine cannot hold, before it is begun.

    One wrong length, 2**62 tokens say, makes more rows than there is memory for, and
    the system would end the process silently.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not known on this system
        return
    n_bytes = plan.n_rows * ROW_BYTES
    if n_bytes > memory:
        longest = max(int(part.lengths[-1:].sum()) for part in plan.histogram.parts)
        msg = (
            f"the assignment would have {plan.n_rows:,} rows, {n_bytes / 1e9:,.0f} GB: "
            "more than this machine's memory\n"
            f"Hint: the longest document has {longest:,} tokens, `context_length` is "
            f"{plan.options.context_length:,}; are both right?"
        )
        raise DataError(msg)
