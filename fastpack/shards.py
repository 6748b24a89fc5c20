"""pack_files(): many files in, many files out, through an executor; resumable."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fastpack import __version__
from fastpack.errors import OptionError, OutputExistsError
from fastpack.inputs import DEFAULT_LENGTH, Keep
from fastpack.manifest import FOLDER, Fingerprint, Manifest, describe_changes, identify
from fastpack.options import LongDocuments, PackingOptions
from fastpack.outputs import read_metadata, remove_temporary_files
from fastpack.passes import PackingProgress, Report, assign_shards, count_shards
from fastpack.plan_files import write_plan
from fastpack.planning import PackingPlan
from fastpack.reading import Columns
from fastpack.shard_work import Shard
from fastpack.sources import StrPath, find_sources


def pack_files(
    sources: StrPath | Sequence[StrPath],
    target: StrPath,
    length: str | pl.Expr = DEFAULT_LENGTH,
    *,
    context_length: int,
    keep: Keep | None = None,
    long_documents: LongDocuments = "split",
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[PackingProgress], object] | None = None,
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
    length, context_length, keep, long_documents
        As for `fastpack.pack`. `document` is the row index over all sources.
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
    options = PackingOptions(
        context_length=context_length, long_documents=long_documents
    )
    folder = Path(target)
    paths = find_sources(sources, folder)
    settings = RunSettings(executor, resume, overwrite, progress or (lambda _: None))
    return pack_shards(paths, folder, Columns(length, keep), options, settings)


class RunSettings(NamedTuple):
    """How `pack_files` works, which does not change its result."""

    executor: Executor | None
    resume: bool
    overwrite: bool
    report: Report


def pack_shards(
    paths: Sequence[Path],
    target: Path,
    columns: Columns,
    options: PackingOptions,
    settings: RunSettings,
) -> PackingPlan:
    """Pack files that were found: see `pack_files`."""
    manifest = Manifest(target)
    shards = _name_shards(paths, columns, manifest)
    job = {
        "version": __version__,
        "columns": columns.as_dict(),
        "options": options.as_dict(),
        "sources": [shard.fingerprint._asdict() for shard in shards],
    }
    with manifest.locked():
        remove_temporary_files(target)
        superfluous = _check_earlier(manifest, shards, job, settings)
        earlier = None if manifest.job is None else PackingPlan.load(manifest.plan)
        if earlier is not None and len(manifest.complete) == len(shards):
            plan = earlier
        else:
            with _executor(settings.executor) as executor:
                histogram = count_shards(executor, shards, settings.report)
                plan = PackingPlan(histogram, options)
                if earlier is None:
                    for path in superfluous:
                        path.unlink(missing_ok=True)
                    _save(plan, job, manifest.plan)
                elif earlier.histogram != histogram:
                    raise _changed(target, ["the lengths in the sources"])
                manifest.begin(job)
                assign_shards(executor, shards, plan, manifest, settings.report)
        manifest.finish([shard.name for shard in shards])
    return plan


def _executor(executor: Executor | None) -> AbstractContextManager[Executor]:
    if executor is not None:
        return nullcontext(executor)
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)))


def _save(plan: PackingPlan, job: dict[str, Any], path: Path) -> None:
    description = {**plan.as_dict(), **job}
    write_plan(path, plan.runs, plan.histogram, description, overwrite=True)


def _name_shards(
    paths: Sequence[Path], columns: Columns, manifest: Manifest
) -> list[Shard]:
    """Say for each source where its assignment goes; refuse what could not be."""
    target = manifest.target
    folders = [path.resolve().parent for path in paths]
    common = Path(os.path.commonpath(folders))
    shards = []
    named: dict[str, Path] = {}
    for number, path in enumerate(paths):
        name = path.resolve().relative_to(common).with_suffix(".parquet")
        hint = "Hint: rename one of them, or pack them into different folders."
        if name.parts[0] == FOLDER:
            msg = (
                f"the name of a source is that of fastpack's own folder: {path}\n{hint}"
            )
            raise OptionError(msg)
        if other := named.get(str(name)):
            msg = f"two sources have one output, {name}: {other} and {path}\n{hint}"
            raise OptionError(msg)
        named[str(name)] = path
        counts = manifest.counts / f"{number}.parquet"
        fingerprint = Fingerprint.of(path)
        shards.append(
            Shard(path, fingerprint, target / name, counts, str(name), columns)
        )
    sources = {shard.fingerprint.path for shard in shards}
    for shard in shards:
        if str(shard.output.resolve()) in sources:
            msg = (
                f"the output of {shard.source} would replace a source: {shard.output}\n"
                "Hint: write the assignments to a folder of their own."
            )
            raise OutputExistsError(msg)
    return shards


def _check_earlier(
    manifest: Manifest,
    shards: Sequence[Shard],
    job: dict[str, Any],
    settings: RunSettings,
) -> list[Path]:
    """Read what an earlier run left in the target, and see that it can be used.

    The manifest then has the job of the earlier run if this is the same, and those of
    its shards that are complete. What is to be removed before this run is returned.
    """
    manifest.read()
    if settings.overwrite:
        names = [*manifest.complete, *(shard.name for shard in shards)]
        manifest.forget()
        return [manifest.target / name for name in names]
    if manifest.job is not None:
        if not settings.resume:
            msg = (
                f"an earlier run packed into {manifest.target}\n"
                "Hint: go on with it, or start anew with --overwrite (overwrite=True)."
            )
            raise OutputExistsError(msg)
        if changes := describe_changes(manifest.job, job):
            raise _changed(manifest.target, changes)
    for shard in shards:
        entry = manifest.complete.pop(shard.name, None)
        if not shard.output.exists():
            continue
        metadata = read_metadata(shard.output)
        if metadata is None or metadata.get("job") != identify(job):
            msg = (
                f"the output exists already, and this run did not write it: "
                f"{shard.output}\n"
                "Hint: choose another folder, or start anew with --overwrite "
                "(overwrite=True)."
            )
            raise OutputExistsError(msg)
        if entry is not None and entry["bytes"] == shard.output.stat().st_size:
            manifest.complete[shard.name] = entry
    return []


def _changed(target: Path, changes: list[str]) -> OutputExistsError:
    most = 5
    shown = changes[:most]
    if len(changes) > most:
        shown.append(f"and {len(changes) - most:,} more")
    msg = (
        f"{target} holds an earlier run, since which changed: {'; '.join(shown)}\n"
        "Hint: start anew with --overwrite (overwrite=True), or choose another folder."
    )
    return OutputExistsError(msg)
