"""Runs into a folder: what they are told by the arguments, and what they show."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastpack.cli.engine import open_engine
from fastpack.cli.progress import showing_progress
from fastpack.files.passes import PackingProgress


@contextmanager
def running(
    arguments: argparse.Namespace, passes: set[str]
) -> Iterator[dict[str, Any]]:
    """Give the settings of a run into a folder; show its progress.

    `passes` gets the steps of the run: none, if the folder is complete already.
    """
    is_quiet = arguments.quiet or arguments.json
    with (
        open_engine(arguments) as executor,
        showing_progress(is_quiet=is_quiet) as on_progress,
    ):

        def report(progress: PackingProgress) -> None:
            passes.add(progress.step)
            on_progress(progress)

        yield {
            "workers": arguments.workers if executor is None else None,
            "executor": executor,
            "resume": not arguments.no_resume,
            "overwrite": arguments.overwrite,
            "on_progress": report,
        }
