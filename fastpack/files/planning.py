"""Planning: the histogram of many files -> their plan, by an executor if it takes long.

Best-fit takes milliseconds. A search takes seconds for each block, which is a task for
any worker: it ends the same way on each, unless its time is up.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from fastpack.documents.grouped_histogram import Histogram
from fastpack.files.passes import PackingProgress, ProgressCallback, run_pass
from fastpack.forks import refuse_forked
from fastpack.options import PackingOptions
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.block_plans import plan_blocks
from fastpack.packing.optimal.place import SearchProgress
from fastpack.packing.plan import PackingPlan


class _Search(NamedTuple):
    """The search for the plan of a block: a piece of a pass that reads no source."""

    n_bytes: int = 0


def plan_files(
    executor: Executor,
    histogram: Histogram,
    options: PackingOptions,
    on_progress: ProgressCallback,
) -> PackingPlan:
    """Plan the documents of all files; report the progress of a search."""
    if options.strategy == "best_fit":
        return PackingPlan(histogram, options)
    blocks = plan_blocks(histogram, options)
    if options.block_documents is None:
        _place_here(blocks[0], on_progress)
    else:
        blocks = _place_by_workers(executor, blocks, on_progress)
    return PackingPlan(histogram, options, blocks=blocks)


def _place_here(block: BlockPlan, on_progress: ProgressCallback) -> None:
    """Place the one block of a corpus, in this thread."""
    progress = PackingProgress("plan", 0, 1, documents=0, n_bytes=0, all_bytes=0)

    def on_search(found: SearchProgress) -> None:
        nonlocal progress
        progress = progress._replace(gap=found.gap)
        on_progress(progress)

    on_progress(progress)
    block.place(on_search)
    n_documents = block.histogram.n_documents
    on_progress(progress._replace(shards=1, documents=n_documents))


def _place_by_workers(
    executor: Executor, blocks: Sequence[BlockPlan], on_progress: ProgressCallback
) -> list[BlockPlan]:
    """Place all blocks, each by a worker."""
    placed = list(blocks)

    def on_result(number: int, block: BlockPlan) -> int:
        placed[number] = block
        return block.histogram.n_documents

    run_pass(
        executor,
        "plan",
        [_Search()] * len(blocks),
        calls=((number, _place, block) for number, block in enumerate(blocks)),
        on_result=on_result,
        on_progress=on_progress,
    )
    return placed


def _place(block: BlockPlan) -> BlockPlan:
    refuse_forked()
    block.place()
    return block
