"""Passes: calls through an executor, each recorded as it ends, with progress."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from fastpack.documents.grouped_histogram import Histogram, sum_histograms
from fastpack.files.calls import Call, hand_out, read_ahead, run_all
from fastpack.files.manifest import Manifest
from fastpack.files.reading import check_same_columns, errors_name
from fastpack.files.shard import (
    Instructions,
    Shard,
    assign_shard,
    count_rows,
    count_shard,
    read_counts,
    read_entry,
)
from fastpack.files.targets import Output, Piece
from fastpack.packing.plan import PackingPlan
from fastpack.packing.shares import CorpusDealer
from fastpack.version import __version__

Step: TypeAlias = Literal["count", "plan", "assign", "pack"]


class PackingProgress(NamedTuple):
    """The progress of a packing of files: the argument of the callback `progress`.

    Parameters
    ----------
    step
        The pass: ``"count"`` or ``"assign"``; ``"pack"`` moves tokens; ``"plan"`` only
        by ``strategy="optimal"``.
    shards, n_shards
        The number of shards that are done, and of all: sources, or in ``"pack"`` and
        ``"plan"`` blocks of documents.
    documents
        The number of documents in the shards that are done.
    n_bytes, all_bytes
        The size of what is done in the sources, and of all, in bytes; 0 in ``"plan"``.
    gap
        In ``"plan"``, of one block: the sequences found so far above the bound proven
        so far, as a fraction of it. Else None.

    Examples
    --------
    >>> from fastpack import PackingProgress
    >>> progress = PackingProgress("count", 1, 4, documents=10, n_bytes=2, all_bytes=8)
    >>> f"{progress.step}: {progress.shards} of {progress.n_shards} shards"
    'count: 1 of 4 shards'
    """

    step: Step
    shards: int
    n_shards: int
    documents: int
    n_bytes: int
    all_bytes: int
    gap: float | None = None


ProgressCallback: TypeAlias = Callable[[PackingProgress], object]


def run_pass(
    executor: Executor,
    step: Step,
    pieces: Sequence[Piece],
    *,
    calls: Iterable[Call],
    on_result: Callable[[int, Any], int],
    on_progress: ProgressCallback,
    complete: Mapping[int, int] = MappingProxyType({}),
) -> None:
    """Run the calls of a pass, and report its progress at the start and after each.

    Parameters
    ----------
    executor
        Runs the calls.
    step
        The pass.
    pieces
        The pieces of the work; the number of a call is that of its piece.
    calls
        See `calls.run_all`.
    on_result
        Called with the number and the result of each call, in the order in which they
        end; returns the number of documents in the piece.
    on_progress
        Called with the progress.
    complete
        The number of documents in each piece that is done already, by its number.
    """
    progress = PackingProgress(
        step,
        shards=len(complete),
        n_shards=len(pieces),
        documents=sum(complete.values()),
        n_bytes=sum(pieces[number].n_bytes for number in complete),
        all_bytes=sum(piece.n_bytes for piece in pieces),
    )
    on_progress(progress)

    def take(number: int, result: Any) -> None:
        nonlocal progress
        documents = on_result(number, result)
        progress = progress._replace(
            shards=progress.shards + 1,
            documents=progress.documents + documents,
            n_bytes=progress.n_bytes + pieces[number].n_bytes,
        )
        on_progress(progress)

    run_all(executor, calls, take)


def drop_damaged(
    executor: Executor, outputs: Sequence[Output], manifest: Manifest
) -> None:
    """Drop the entries of outputs that are not, byte for byte, as they were written."""

    def on_result(number: int, entry: dict[str, Any] | None) -> None:
        name = outputs[number].name
        if entry is None or manifest.complete[name] != {"output": name, **entry}:
            del manifest.complete[name]

    calls = (
        (number, read_entry, output.output)
        for number, output in enumerate(outputs)
        # A store gives each write another tag, which was compared.
        if output.name in manifest.complete and isinstance(output.output, Path)
    )
    run_all(executor, calls, on_result)


def write_outputs(
    executor: Executor,
    step: Step,
    outputs: Sequence[Output],
    *,
    calls: Iterable[Call],
    manifest: Manifest,
    on_progress: ProgressCallback,
) -> None:
    """Run the calls that write outputs; record each in the manifest as it ends.

    A call returns the output's entry. There is none for an output that is complete.
    """
    complete = {
        number: manifest.complete[output.name]["documents"]
        for number, output in enumerate(outputs)
        if output.name in manifest.complete
    }

    def on_result(number: int, entry: dict[str, Any]) -> int:
        manifest.record(outputs[number].name, entry)
        documents: int = entry["documents"]
        return documents

    run_pass(
        executor,
        step,
        outputs,
        calls=calls,
        on_result=on_result,
        on_progress=on_progress,
        complete=complete,
    )


def number_shards(
    executor: Executor, shards: Sequence[Shard], block_documents: int | None
) -> Sequence[Shard]:
    """Give shards the number of their first document, if blocks depend on it."""
    if block_documents is None:
        return shards
    n_documents = [0] * len(shards)
    calls = ((number, count_rows, shard) for number, shard in enumerate(shards))
    run_all(executor, calls, n_documents.__setitem__)
    return [
        shard._replace(
            block_documents=block_documents,
            first_document=end - documents,
            n_documents=documents,
        )
        for shard, documents, end in zip(
            shards, n_documents, accumulate(n_documents), strict=True
        )
    ]


def count_shards(
    executor: Executor, shards: Sequence[Shard], on_progress: ProgressCallback
) -> Histogram:
    """Count all shards; return the sum of their histograms, which stay on disk."""

    def on_result(_: int, documents: int) -> int:
        return documents

    calls = ((number, count_shard, shard) for number, shard in enumerate(shards))
    run_pass(
        executor,
        "count",
        shards,
        calls=calls,
        on_result=on_result,
        on_progress=on_progress,
    )
    return sum_histograms(_read_all(shards))


def _read_all(shards: Sequence[Shard]) -> Iterator[Histogram]:
    """Read the histograms; refuse columns whose dtypes are not the same in all."""
    first = None
    for shard, counted in zip(shards, read_ahead(read_counts, shards), strict=True):
        first = first or counted
        with errors_name(shard.source):
            check_same_columns("keep", first.kept, counted.kept)
            check_same_columns("by", first.by, counted.by)
        yield counted.histogram


def assign_shards(
    executor: Executor,
    shards: Sequence[Shard],
    plan: PackingPlan,
    manifest: Manifest,
    on_progress: ProgressCallback,
) -> None:
    """Assign the shards that are not complete yet; record them in the manifest."""
    # The file of the plan holds the figures of the groups, once for all.
    about = {"version": __version__, "options": plan.options.as_dict()}
    about["figures"] = plan.figures()
    instructions = hand_out(executor, Instructions(about, manifest.ticket()))
    calls = _calls_to_assign(executor, shards, plan, instructions, manifest.complete)
    write_outputs(
        executor,
        "assign",
        shards,
        calls=calls,
        manifest=manifest,
        on_progress=on_progress,
    )


def _calls_to_assign(
    executor: Executor,
    shards: Sequence[Shard],
    plan: PackingPlan,
    instructions: Any,
    complete: Mapping[str, Any],
) -> Iterator[Call]:
    """Give the call for each shard that is not complete; deal out the plan to all."""
    dealer = CorpusDealer(plan.blocks)
    plans: dict[int, Any] = {}
    counts = read_ahead(read_counts, shards)
    for number, (shard, counted) in enumerate(zip(shards, counts, strict=True)):
        share = dealer.deal(counted.histogram)
        if shard.name in complete:
            continue
        # A block that goes on from shard to shard is handed to workers once.
        plans = {
            block: plans.get(block) or hand_out(executor, plan.blocks[block])
            for block in share.blocks
        }
        yield number, assign_shard, shard, share, instructions, *plans.values()
