"""pack_files(): many files in, many files out, through an executor; resumable."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import polars as pl

from fastpack.documents.inputs import DEFAULT_LENGTH, Keep
from fastpack.errors import DataError, SourceNotFoundError
from fastpack.files.manifest import Manifest
from fastpack.files.passes import (
    PackingProgress,
    ProgressCallback,
    assign_shards,
    count_shards,
)
from fastpack.files.reading import Selection
from fastpack.files.sources import StrPath, find_sources
from fastpack.files.targets import (
    changed,
    check_earlier,
    check_target,
    name_shards,
    outputs_to_remove,
)
from fastpack.options import PackingOptions, PackingRules
from fastpack.outputs import remove_temporary_files
from fastpack.packing.plan import PackingPlan
from fastpack.packing.plan_file import read_description, write_plan
from fastpack.version import __version__


def pack_files(
    sources: StrPath | Sequence[StrPath],
    target: StrPath,
    length: str | pl.Expr = DEFAULT_LENGTH,
    *,
    context_length: int,
    keep: Keep | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[PackingProgress], object] | None = None,
    **rules: Unpack[PackingRules],
) -> PackingPlan:
    """Pack a corpus of many files, of any size; write an assignment file for each.

    Two passes, in memory that does not grow with the corpus: count the lengths of all
    sources, plan, assign them. The rows are those that `fastpack.pack` would give for
    the whole, and the files are the same bytes for any number of workers.

    Parameters
    ----------
    sources
        Files, folders or globs of Parquet, Arrow IPC, CSV or NDJSON files. They are
        read in the order in which they are listed, the files of a folder or a glob by
        name, naturally: part-2 before part-10.
    target
        The folder for the assignments; made if it is absent. ``part-1.jsonl`` becomes
        ``part-1.parquet``; sources of several folders keep these.
    length, context_length, keep, **rules
        As for `fastpack.pack`. `document` is the row index over all sources.
        Expressions are evaluated file by file, and batch by batch.
    executor
        Any `concurrent.futures.Executor`, which stays open: its workers read `sources`
        and write to `target`. None is a thread for each processor; the kernels do not
        hold the GIL. Processes are to be spawned: after a fork, Polars hangs.
    resume
        Whether to go on where an earlier run in `target` was ended: shards that are
        complete are kept.
    overwrite
        Whether to start anew where `target` holds assignments already. They are removed
        when all sources have been counted.
    progress
        Called with a `PackingProgress` at the start of a pass, and after each shard, in
        the thread of the caller.

    Returns
    -------
    PackingPlan
        The packing of the whole corpus. It is also the file ``_fastpack/plan.parquet``
        in `target` (see `PackingPlan.load`); beside it, ``manifest.jsonl`` says which
        shards are complete.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A parameter cannot be right, or names no file.
    DataError, DataTypeError
        A source cannot be packed; the message names it, and nothing of the second pass
        has been written. Or a source changed between the passes.
    OutputExistsError
        `target` holds something else, or an earlier run of which a source, an option or
        the version changed since; or another process writes to it now.
    OSError
        A file cannot be written; complete shards are kept.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import polars as pl
    >>> import fastpack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus, target = pathlib.Path(folder, "corpus"), pathlib.Path(folder, "out")
    ...     corpus.mkdir()
    ...     pl.DataFrame({"n_tokens": [8, 6, 6]}).write_parquet(corpus / "1.parquet")
    ...     pl.DataFrame({"n_tokens": [4, 3]}).write_parquet(corpus / "2.parquet")
    ...     plan = fastpack.pack_files(corpus, target, context_length=8)
    ...     assignment = pl.read_parquet(target / "*.parquet")
    >>> plan.n_bins, assignment["bin"].to_list()
    (4, [0, 1, 2, 3, 3])
    """
    options = PackingOptions(context_length=context_length, **rules)
    paths = find_sources(sources, Path(target))
    settings = RunSettings(executor, resume, overwrite, progress or (lambda _: None))
    columns = Selection(length, keep, by=options.by_columns)
    return pack_shards(paths, target, columns, options, settings)


class RunSettings(NamedTuple):
    """How `pack_files` works, which does not change its result."""

    executor: Executor | None
    resume: bool
    overwrite: bool
    report: ProgressCallback


def pack_shards(
    paths: Sequence[Path],
    target: StrPath,
    columns: Selection,
    options: PackingOptions,
    settings: RunSettings,
) -> PackingPlan:
    """Pack files that were found: see `pack_files`."""
    manifest = Manifest(check_target(target))
    shards = name_shards(paths, columns, manifest)
    job = {
        "version": __version__,
        "columns": columns.as_dict(),
        "options": options.as_dict(),
        "sources": [shard.fingerprint._asdict() for shard in shards],
        "outputs": [shard.name for shard in shards],
    }
    with manifest.locked():
        for folder in {shard.output.parent for shard in shards}:
            remove_temporary_files(folder)
        remove_temporary_files(manifest.folder)
        manifest.read()
        superfluous = []
        if settings.overwrite:
            superfluous = outputs_to_remove(manifest, shards)
            manifest.complete = {}
        else:
            check_earlier(manifest, shards, job, resume=settings.resume)
        earlier = None if settings.overwrite else _earlier_plan(manifest, job)
        if earlier is not None and len(manifest.complete) == len(shards):
            plan = earlier
        else:
            with _executor(settings.executor) as executor:
                histogram = count_shards(executor, shards, settings.report)
                plan = PackingPlan(histogram, options)
                if earlier is None:
                    if settings.overwrite:
                        manifest.forget()
                    for path in superfluous:
                        path.unlink(missing_ok=True)
                    _save(plan, job, manifest.plan)
                elif earlier.histogram != histogram:
                    raise changed(manifest.target, ["the lengths in the sources"])
                manifest.begin(job)
                assign_shards(executor, shards, plan, manifest, settings.report)
        manifest.finish([shard.name for shard in shards])
    return plan


def _earlier_plan(manifest: Manifest, job: dict[str, Any]) -> PackingPlan | None:
    """Return the plan of an earlier run of the same job, if it is there and whole."""
    if manifest.job is None:
        return None
    try:
        description = read_description(manifest.plan)
        if any(description.get(name) != value for name, value in job.items()):
            return None
        return PackingPlan.load(manifest.plan)
    except (DataError, SourceNotFoundError):
        return None


def _executor(executor: Executor | None) -> AbstractContextManager[Executor]:
    if executor is not None:
        return nullcontext(executor)
    if hasattr(os, "sched_getaffinity"):
        return ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    return ThreadPoolExecutor(os.cpu_count())


def _save(plan: PackingPlan, job: dict[str, Any], path: Path) -> None:
    description = {**plan.as_dict(), **job}
    write_plan(path, plan.runs, plan.histogram, description, overwrite=True)
