"""The life of a run: its executor, and what it makes of the runs before it."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from polars.exceptions import PanicException

from fastpack.engines.local import check_workers, n_processors
from fastpack.errors import DataError, OptionError, OptionTypeError, SourceNotFoundError
from fastpack.files.manifest import Manifest
from fastpack.files.passes import ProgressCallback, drop_damaged
from fastpack.files.targets import Output, check_earlier, files_to_replace
from fastpack.forks import refuse_forked, refuse_forking
from fastpack.option_checks import show
from fastpack.outputs import remove_temporary_files
from fastpack.packing.plan import PackingPlan
from fastpack.packing.plan_file import read_description, write_plan
from fastpack.storage.location import Location


def take_over(
    manifest: Manifest,
    outputs: Sequence[Output],
    job: dict[str, Any],
    executor: Executor,
    *,
    resume: bool,
    overwrite: bool,
) -> list[Location]:
    """Take over the target, which is held, from the runs before this one.

    An earlier run of the same job is gone on with: the entries of its whole outputs
    stay in the manifest, no others. With `overwrite`, and if there was none, the
    manifest is as if the target were empty.

    Returns
    -------
    list
        The files to remove before an output is written.

    Raises
    ------
    OutputExistsError
        The target holds another job, or files of other origin.
    """
    _remove_temporary_files(manifest, outputs)
    if overwrite:
        replaced = files_to_replace(manifest, outputs, job)
        manifest.job, manifest.complete = None, {}
        return replaced
    check_earlier(manifest, outputs, job, resume=resume)
    drop_damaged(executor, outputs, manifest)
    return []


def finish(manifest: Manifest, outputs: Sequence[Output]) -> None:
    """End a run of which all outputs are complete."""
    manifest.finish([output.name for output in outputs])
    # Of workers that were killed during the run, which others took the place of.
    _remove_temporary_files(manifest, outputs)


def _remove_temporary_files(manifest: Manifest, outputs: Sequence[Output]) -> None:
    for folder in {manifest.folder, *(output.output.parent for output in outputs)}:
        if isinstance(folder, Path):
            remove_temporary_files(folder)


def earlier_plan(manifest: Manifest, job: dict[str, Any]) -> PackingPlan | None:
    """Return the plan of an earlier run of the same job, if it can be read."""
    if manifest.job is None:
        return None
    path = manifest.plan_path
    try:
        description = read_description(path)
        if any(description.get(name) != value for name, value in job.items()):
            return None
        plan = PackingPlan.load(path)
    except (DataError, SourceNotFoundError, PanicException):
        return None
    # Whole again, if bytes that nothing reads were damaged.
    write_plan_of(manifest, plan, job)
    return plan


def write_plan_of(manifest: Manifest, plan: PackingPlan, job: dict[str, Any]) -> None:
    """Write the plan of a job to the target."""
    description = {**plan.as_dict(), **job}
    write_plan(manifest.plan_path, plan.saved(), description, overwrite=True)


def open_executor(
    executor: Executor | None, workers: int | None
) -> AbstractContextManager[Executor]:
    """Return an executor to be entered: threads, if the user gave none.

    Refuses a process, and an executor, in which Polars would hang.
    """
    refuse_forked()
    refuse_forking(executor)
    if executor is not None and not hasattr(executor, "submit"):
        msg = (
            f"`executor` must be a concurrent.futures.Executor, got {show(executor)}\n"
            "Hint: a number of threads is `workers`; fastpack.engines has executors."
        )
        raise OptionTypeError(msg)
    if workers is not None:
        return _threads(executor, workers)
    if executor is not None:
        return nullcontext(executor)  # the user's stays open
    return ThreadPoolExecutor(n_processors())


def check_progress(progress: ProgressCallback | None) -> ProgressCallback:
    """Return the function that takes the progress; refuse any other value."""
    if progress is None:
        return lambda _: None
    if not callable(progress):
        msg = (
            f"`progress` must be a function, got {show(progress)}\n"
            "Hint: such as print, which gets a PackingProgress."
        )
        raise OptionTypeError(msg)
    return progress


def _threads(executor: Executor | None, workers: int) -> ThreadPoolExecutor:
    """Return so many threads; refuse what is no such number."""
    check_workers(workers)
    if executor is not None:
        msg = (
            f"`workers` and `executor` exclude each other, got {workers} and "
            f"{executor!r}\nHint: the executor has its own number of workers."
        )
        raise OptionError(msg)
    return ThreadPoolExecutor(workers)
