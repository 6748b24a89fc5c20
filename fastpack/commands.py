"""What the commands do: call the package with their arguments, show the result."""

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from fastpack.demo import run_demo
from fastpack.display import show_demo, show_plan, showing_progress
from fastpack.errors import OptionError
from fastpack.frame import pack_columns
from fastpack.options import PackingOptions, PackingRules
from fastpack.outputs import check_output, write_parquet
from fastpack.planning import PackingPlan
from fastpack.reading import Columns, count_sources, read_columns
from fastpack.shards import RunSettings, pack_shards
from fastpack.sources import find_sources


def _pack(arguments: argparse.Namespace) -> None:
    output = Path(arguments.output)
    into_folder = arguments.output.endswith(("/", os.sep)) or output.is_dir()
    paths = find_sources(arguments.sources, output)
    if into_folder:
        plan = _pack_into_folder(paths, arguments)
    else:
        plan = _pack_into_file(paths, output, arguments)
    if arguments.json:
        print(json.dumps({"output": arguments.output, **plan.as_dict()}))  # noqa: T201
    elif not arguments.quiet:
        show_plan(plan)
        print(f"wrote {arguments.output}", file=sys.stderr)  # noqa: T201


def _pack_into_file(
    paths: list[Path], output: Path, arguments: argparse.Namespace
) -> PackingPlan:
    for name in ("workers", "no_resume"):
        if getattr(arguments, name):
            msg = (
                f"--{name.replace('_', '-')} is for packing into a folder, got the "
                f"output {arguments.output!r}\n"
                "Hint: put a slash at the end of the name of a folder."
            )
            raise OptionError(msg)
    check_output(output, sources=paths, overwrite=arguments.overwrite)
    lengths, kept, by = read_columns(paths, _columns(arguments))
    table, plan = pack_columns(lengths, kept, by, _options(arguments))
    write_parquet(table, output, plan.as_dict(), overwrite=arguments.overwrite)
    return plan


def _pack_into_folder(paths: list[Path], arguments: argparse.Namespace) -> PackingPlan:
    workers: Any = nullcontext()
    if arguments.workers is not None:
        workers = ThreadPoolExecutor(arguments.workers)
    is_quiet = arguments.quiet or arguments.json
    with workers as executor, showing_progress(is_quiet=is_quiet) as report:
        settings = RunSettings(
            executor, not arguments.no_resume, arguments.overwrite, report
        )
        columns, options = _columns(arguments), _options(arguments)
        return pack_shards(paths, arguments.output, columns, options, settings)


def _plan(arguments: argparse.Namespace) -> None:
    histogram = count_sources(find_sources(arguments.sources), _columns(arguments))
    plan = PackingPlan(histogram, _options(arguments))
    if arguments.json:
        print(json.dumps(plan.as_dict()))  # noqa: T201
    else:
        show_plan(plan)


def _columns(arguments: argparse.Namespace) -> Columns:
    return Columns(
        length=arguments.length if arguments.tokens is None else arguments.tokens,
        keep=getattr(arguments, "keep", None),
        token_lists=arguments.tokens is not None,
        by=_options(arguments).by_columns,
    )


def _options(arguments: argparse.Namespace) -> PackingOptions:
    rules = {name: getattr(arguments, name) for name in PackingRules.__annotations__}
    return PackingOptions(context_length=arguments.context_length, **rules)


def _demo(arguments: argparse.Namespace) -> None:
    demo = run_demo(
        arguments.folder,
        arguments.output,
        arguments.context_length,
        overwrite=arguments.overwrite,
    )
    show_demo(demo)


COMMANDS = {"pack": _pack, "plan": _plan, "demo": _demo}
