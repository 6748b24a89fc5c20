"""The engine of a command: its arguments, and the executor that they make."""

import argparse
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from fastpack import engines
from fastpack.cli.shared_arguments import positive
from fastpack.errors import OptionError

_CLUSTERS = ("dask", "ray")

_ENGINES = ("threads", "processes", *_CLUSTERS)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--engine",
        choices=_ENGINES,
        help="what packs the sources, into a folder (default: threads); dask and ray "
        "need the extra of that name",
    )
    parser.add_argument(
        "--address",
        metavar="ADDRESS",
        help="the cluster of dask or ray, such as tcp://host:8786 or auto (default: "
        "that of the environment, or one of this machine)",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="sources packed at a time, into a folder (default: one a processor)",
    )


def open_engine(
    arguments: argparse.Namespace,
) -> AbstractContextManager[Executor | None]:
    """Return the executor, to be entered; None for threads, which are the default."""
    if arguments.engine in _CLUSTERS:
        make = getattr(engines, f"{arguments.engine}_executor")
        return cast(
            "Executor", make(address=arguments.address, workers=arguments.workers)
        )
    if arguments.address is not None:
        msg = (
            f"--address is for the engines {' and '.join(_CLUSTERS)}, got "
            f"{arguments.address!r} for {arguments.engine or 'threads'}\n"
            "Hint: choose one by --engine."
        )
        raise OptionError(msg)
    if arguments.engine == "processes":
        return engines.process_executor(workers=arguments.workers)
    return nullcontext()
