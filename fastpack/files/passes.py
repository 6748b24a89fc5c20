"""The two passes over shards, through an executor: count, then assign."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

from fastpack.documents.grouped_histogram import Histogram, no_documents, sum_histograms
from fastpack.files.manifest import Manifest, identify
from fastpack.files.reading import check_same_columns, naming
from fastpack.files.shard import Job, Shard, assign_shard, count_shard, read_counts
from fastpack.packing.plan import PackingPlan

_IN_FLIGHT = 256
"""Shards that are handed to the executor at a time. More workers than that would
idle; more shards would only wait there, and take memory."""


class PackingProgress(NamedTuple):
    """How far a packing of files is: what the callback `progress` is given.

    Parameters
    ----------
    step
        The pass: ``"count"`` or ``"assign"``.
    shards, n_shards
        Shards that are done, and all of them.
    documents
        Documents in the shards that are done.
    n_bytes, all_bytes
        The size of the sources that are done, and of all.

    Examples
    --------
    >>> from fastpack import PackingProgress
    >>> progress = PackingProgress("count", 1, 4, documents=10, n_bytes=2, all_bytes=8)
    >>> f"{progress.step}: {progress.shards} of {progress.n_shards} shards"
    'count: 1 of 4 shards'
    """

    step: Literal["count", "assign"]
    shards: int
    n_shards: int
    documents: int
    n_bytes: int
    all_bytes: int

    def and_shard(self, shard: Shard, documents: int) -> "PackingProgress":
        """Return the progress when one more shard is done."""
        return self._replace(
            shards=self.shards + 1,
            documents=self.documents + documents,
            n_bytes=self.n_bytes + shard.fingerprint.size,
        )


ProgressCallback: TypeAlias = Callable[[PackingProgress], object]


def count_shards(
    executor: Executor, shards: Sequence[Shard], report: ProgressCallback
) -> Histogram:
    """Count all shards; their histograms are kept on disk, their sum is returned."""
    progress = _start("count", shards)
    report(progress)

    def done(number: int, documents: int) -> None:
        nonlocal progress
        progress = progress.and_shard(shards[number], documents)
        report(progress)

    calls = ((n, count_shard, shard) for n, shard in enumerate(shards))
    _run_all(executor, calls, done)
    return sum_histograms(_read_all(shards))


def _read_all(shards: Sequence[Shard]) -> Iterator[Histogram]:
    """Read what was counted; refuse columns whose types are not the same in all."""
    first = None
    for shard in shards:
        counted = read_counts(shard)
        first = first or counted
        with naming(shard.source):
            check_same_columns("keep", first.kept, counted.kept)
            check_same_columns("by", first.by, counted.by)
        yield counted.histogram


def assign_shards(
    executor: Executor,
    shards: Sequence[Shard],
    plan: PackingPlan,
    manifest: Manifest,
    report: ProgressCallback,
) -> None:
    """Assign the shards that the manifest does not have yet, and enter them."""
    progress = _start("assign", shards)
    for shard in shards:
        if shard.name in manifest.complete:
            documents = manifest.complete[shard.name]["documents"]
            progress = progress.and_shard(shard, documents)
    report(progress)

    def calls() -> Iterator[tuple[Any, ...]]:
        before: Any = no_documents(plan.histogram)
        job = Job(identify(manifest.job), manifest.ticket)
        for number, shard in enumerate(shards):
            if shard.name not in manifest.complete:
                # As chunks, of which there are few lengths: many calls may wait.
                chunks = plan.cut(before)
                yield number, assign_shard, shard, plan, chunks, before.n_documents, job
            before += read_counts(shard).histogram

    def done(number: int, entry: dict[str, Any]) -> None:
        nonlocal progress
        manifest.enter(shards[number].name, entry)
        progress = progress.and_shard(shards[number], entry["documents"])
        report(progress)

    _run_all(executor, calls(), done)


def _start(
    step: Literal["count", "assign"], shards: Sequence[Shard]
) -> PackingProgress:
    all_bytes = sum(shard.fingerprint.size for shard in shards)
    return PackingProgress(step, 0, len(shards), 0, 0, all_bytes)


def _run_all(
    executor: Executor,
    calls: Iterable[tuple[Any, ...]],
    done: Callable[[int, Any], None],
) -> None:
    """Call ``function(*arguments)`` for each (number, function, *arguments) of `calls`.

    `done` is called with the number and the result of each. After a failure nothing
    more is started, what runs is waited for, and the failure with the least number
    is raised: the first that a reader of the sources would meet.
    """
    calls = iter(calls)
    running: dict[Future[Any], int] = {}
    failures: dict[int, BaseException] = {}
    try:
        while True:
            if not failures:
                for number, *call in islice(calls, _IN_FLIGHT - len(running)):
                    running[executor.submit(*call)] = number
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                error = future.exception()
                if error is None:
                    done(number, future.result())
                else:
                    failures[number] = error
            if failures:
                running = {f: n for f, n in running.items() if not f.cancel()}
    finally:  # an interrupt, say
        wait([future for future in running if not future.cancel()])
    if failures:
        raise failures[min(failures)]
