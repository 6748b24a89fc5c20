"""The life of a run: its executor, and what it makes of the runs before it."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from fastpack.errors import OptionError, OptionTypeError
from fastpack.files.manifest import Manifest
from fastpack.files.passes import check_outputs
from fastpack.files.targets import Output, check_earlier, files_to_replace
from fastpack.outputs import remove_temporary_files


def take_over(
    manifest: Manifest,
    outputs: Sequence[Output],
    job: dict[str, Any],
    executor: Executor,
    *,
    resume: bool,
    overwrite: bool,
) -> list[Path]:
    """Take over the target, which is held, from the runs before this one.

    An earlier run of the same job is gone on with: the entries of its whole outputs
    stay in the manifest, no others. With `overwrite`, and if there was none, the
    manifest is as if the target were empty.

    Returns
    -------
    list of Path
        The files to remove before an output is written.

    Raises
    ------
    OutputExistsError
        The target holds another job, or files of other origin.
    """
    for folder in {manifest.folder, *(output.output.parent for output in outputs)}:
        remove_temporary_files(folder)
    if overwrite:
        replaced = files_to_replace(manifest, outputs, job)
        manifest.job, manifest.complete = None, {}
        return replaced
    check_earlier(manifest, outputs, job, resume=resume)
    check_outputs(executor, outputs, manifest)
    return []


def open_executor(
    executor: Executor | None, workers: int | None
) -> AbstractContextManager[Executor]:
    """Return an executor to be entered: threads, if the user gave none."""
    if workers is not None:
        return _threads(executor, workers)
    if executor is not None:
        return nullcontext(executor)  # the user's stays open
    if hasattr(os, "sched_getaffinity"):
        return ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    return ThreadPoolExecutor(os.cpu_count())


def _threads(executor: Executor | None, workers: object) -> ThreadPoolExecutor:
    """Return so many threads; refuse what is no such number."""
    hint = "Hint: a number of threads; None is one for each processor."
    if not isinstance(workers, int) or isinstance(workers, bool):
        msg = f"`workers` must be an integer, got {workers!r}\n{hint}"
        raise OptionTypeError(msg)
    if workers < 1:
        msg = f"`workers` must be at least 1, got {workers}\n{hint}"
        raise OptionError(msg)
    if executor is not None:
        msg = (
            f"`workers` and `executor` exclude each other, got {workers} and "
            f"{executor!r}\nHint: the executor has its own number of workers."
        )
        raise OptionError(msg)
    return ThreadPoolExecutor(workers)
