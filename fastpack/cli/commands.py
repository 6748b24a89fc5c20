"""What the commands do: call the package with their arguments, show the result."""

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

from fastpack.cli.demo import run_demo
from fastpack.cli.display import (
    show_comparison,
    show_demo,
    show_plan,
    show_quality,
    show_verification,
)
from fastpack.cli.progress import showing_progress
from fastpack.documents.batches import Documents
from fastpack.errors import OptionError
from fastpack.files.pack_files import RunSettings, pack_shards
from fastpack.files.reading import Selection, count_sources, read_batch, scan_all
from fastpack.files.sources import find_sources
from fastpack.files.verify_files import verify_files
from fastpack.options import PackingOptions, PackingRules
from fastpack.outputs import check_output, write_parquet
from fastpack.packing.pack import pack_batch
from fastpack.packing.plan import PackingPlan
from fastpack.reports.compare import compare_corpus, options_for
from fastpack.reports.corpus import count_corpus
from fastpack.reports.page import check_extra, check_report_output, write_report
from fastpack.reports.quality import quality
from fastpack.reports.report import make_report


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
    batch = read_batch(paths, _columns(arguments))
    table, plan = pack_batch(batch, _options(arguments))
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
    figures = quality(plan)
    if arguments.json:
        print(json.dumps({**plan.as_dict(), "quality": figures}))  # noqa: T201
    else:
        show_plan(plan)
        show_quality(figures)


def _columns(arguments: argparse.Namespace) -> Selection:
    return _plain_columns(arguments)._replace(
        keep=getattr(arguments, "keep", None), by=_options(arguments).by_columns
    )


def _plain_columns(arguments: argparse.Namespace) -> Selection:
    return Selection(
        length=arguments.length if arguments.tokens is None else arguments.tokens,
        token_lists=arguments.tokens is not None,
    )


def _options(arguments: argparse.Namespace) -> PackingOptions:
    return PackingOptions(context_length=arguments.context_length, **_rules(arguments))


def _rules(arguments: argparse.Namespace) -> PackingRules:
    rules = {name: getattr(arguments, name) for name in PackingRules.__annotations__}
    return cast("PackingRules", rules)


def _demo(arguments: argparse.Namespace) -> None:
    demo = run_demo(
        arguments.folder,
        arguments.output,
        arguments.context_length,
        overwrite=arguments.overwrite,
    )
    show_demo(demo)


def _verify(arguments: argparse.Namespace) -> None:
    documents = None
    if arguments.sources:
        paths = find_sources(arguments.sources)
        columns = _plain_columns(arguments)

        def documents(options: PackingOptions) -> Documents:
            return scan_all(paths, columns._replace(by=options.by_columns))

    figures, options = verify_files(arguments.assignment, documents)
    if arguments.json:
        described = {"options": options.as_dict(), "figures": figures}
        print(json.dumps({"assignment": str(arguments.assignment), **described}))  # noqa: T201
    else:
        show_verification(arguments.assignment, figures, options)


def _several(arguments: argparse.Namespace) -> tuple[list[PackingOptions], Selection]:
    """Return the options for several context lengths, and the columns they need."""
    options = options_for(arguments.context_length or [2048, 8192], _rules(arguments))
    return options, _plain_columns(arguments)._replace(by=options[0].by_columns)


def _compare(arguments: argparse.Namespace) -> None:
    options, columns = _several(arguments)
    documents = scan_all(find_sources(arguments.sources), columns)
    table = compare_corpus(count_corpus(documents, options))
    if arguments.json:
        print(json.dumps(table.to_dicts()))  # noqa: T201
    else:
        show_comparison(table)


def _report(arguments: argparse.Namespace) -> None:
    check_extra()
    options, columns = _several(arguments)
    paths = find_sources(arguments.sources)
    output, form = arguments.output, arguments.format
    check_report_output(output, form, paths, overwrite=arguments.overwrite)
    name = ", ".join(arguments.sources)
    report = make_report(name, scan_all(paths, columns), options)
    for path in write_report(report, output, form, overwrite=arguments.overwrite):
        print(f"wrote {path}", file=sys.stderr)  # noqa: T201


COMMANDS = {
    "pack": _pack,
    "plan": _plan,
    "compare": _compare,
    "report": _report,
    "verify": _verify,
    "demo": _demo,
}
