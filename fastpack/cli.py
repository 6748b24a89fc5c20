"""The commands: thin. What they need is imported when they run."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from fastpack import __version__
from fastpack.errors import FastpackError, OptionError, OptionTypeError
from fastpack.options import LongDocuments, PackingOptions

if TYPE_CHECKING:
    from fastpack.demo import Demo
    from fastpack.planning import PackingPlan

BAD_DATA = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 1 for bad data, 2 for wrong usage."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if threading.current_thread() is threading.main_thread():
        # Leave as from an interrupt: temporary files are removed on the way out.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        arguments.run(arguments)
    except (OptionError, OptionTypeError) as error:
        return _complain(error, USAGE)
    except (FastpackError, OSError, MemoryError) as error:
        return _complain(error, BAD_DATA)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastpack",
        description="Best-fit packing of LLM training documents into sequences.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_pack(commands)
    _add_plan(commands)
    _add_demo(commands)
    return parser


def _add_pack(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "pack",
        help="pack a table of document lengths; write the assignment table",
        usage="fastpack pack SOURCE ... --context-length L --output FILE [options]",
        description=(
            "Pack documents into training sequences and write which chunk of which "
            "document goes where: one row a chunk, in document order."
        ),
    )
    parser.set_defaults(run=_pack)
    _add_lengths(parser)
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help="the .parquet file to write",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="columns that identify a document (default: its row index over all "
        "sources, as column `document`)",
    )
    _add_overwrite(parser)


def _add_plan(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "plan",
        help="print the figures of a packing, without the assignment table",
        usage="fastpack plan SOURCE ... --context-length L [options]",
        description=(
            "Print the figures of a packing, in the time it takes to read the lengths "
            "batch by batch."
        ),
    )
    parser.set_defaults(run=_plan)
    _add_lengths(parser)


def _add_lengths(parser: argparse.ArgumentParser) -> None:
    """Add what says which documents are packed, and by which rules."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="files, folders or globs: Parquet (.parquet .pq), Arrow IPC (.arrow .ipc "
        ".feather), CSV (.csv) or NDJSON (.ndjson .jsonl), read in the order in which "
        "they are listed, the files of a folder or glob by name, part-2 before part-10",
    )
    lengths = parser.add_mutually_exclusive_group()
    lengths.add_argument(
        "--length",
        default="n_tokens",
        metavar="COLUMN",
        help="the column of document lengths in tokens (default: %(default)s)",
    )
    lengths.add_argument(
        "--tokens",
        metavar="COLUMN",
        help="a column of token lists, whose lengths are taken instead",
    )
    _add_context_length(parser, required=True)
    parser.add_argument(
        "--long-documents",
        choices=get_args(LongDocuments),
        default="split",
        help="what is done with documents longer than a sequence (default: split)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as JSON, to stdout"
    )


def _add_demo(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "demo",
        help="pack Python's standard library, beside concatenation",
        description=(
            "Pack the .py files of the standard library, or of a folder, one document "
            "a file, words and symbols as tokens; compare with concatenation."
        ),
    )
    parser.set_defaults(run=_demo)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    _add_context_length(parser, required=False)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("fastpack-demo"),
        metavar="DIR",
        help="the folder for documents.parquet and assignment.parquet "
        "(default: %(default)s)",
    )
    _add_overwrite(parser)


def _add_context_length(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--context-length",
        required=required,
        default=None if required else 2048,
        type=_context_length,
        metavar="L",
        help="tokens in a training sequence" + ("" if required else " (default: 2048)"),
    )


def _add_overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an output that exists"
    )


def _context_length(text: str) -> int:
    try:
        return PackingOptions(context_length=int(text)).context_length
    except ValueError as error:
        message = f"must be an integer from 1 to 2**31 - 1, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def _pack(arguments: argparse.Namespace) -> None:
    from fastpack import outputs, sources  # noqa: PLC0415
    from fastpack.frame import pack_columns  # noqa: PLC0415

    output: Path = arguments.output
    paths = sources.find_sources(arguments.sources, output)
    outputs.check_output(output, sources=paths, overwrite=arguments.overwrite)
    lengths, kept = sources.read_columns(
        paths, length=arguments.length, tokens=arguments.tokens, keep=arguments.keep
    )
    table, plan = pack_columns(lengths, kept, _options(arguments))
    description = outputs.describe(plan)
    outputs.write_parquet(table, output, description, overwrite=arguments.overwrite)
    if arguments.json:
        print(json.dumps({"output": str(output), **description}))  # noqa: T201
    else:
        _show_plan(plan)
        print(f"wrote {output}", file=sys.stderr)  # noqa: T201


def _plan(arguments: argparse.Namespace) -> None:
    from fastpack import outputs, sources  # noqa: PLC0415
    from fastpack.planning import PackingPlan  # noqa: PLC0415

    paths = sources.find_sources(arguments.sources)
    histogram = sources.count_sources(
        paths, length=arguments.length, tokens=arguments.tokens
    )
    plan = PackingPlan(histogram, _options(arguments))
    if arguments.json:
        print(json.dumps(outputs.describe(plan)))  # noqa: T201
    else:
        _show_plan(plan)


def _options(arguments: argparse.Namespace) -> PackingOptions:
    return PackingOptions(
        context_length=arguments.context_length,
        long_documents=arguments.long_documents,
    )


def _demo(arguments: argparse.Namespace) -> None:
    from fastpack.demo import run_demo  # noqa: PLC0415

    _show_demo(
        run_demo(
            arguments.folder,
            arguments.output,
            arguments.context_length,
            overwrite=arguments.overwrite,
        )
    )


def _show_plan(plan: "PackingPlan") -> None:
    rows = [
        ("documents", f"{plan.n_documents:,}"),
        ("  empty", f"{plan.empty_documents:,}"),
        ("  cut", f"{plan.cut_documents:,}"),
        ("  dropped", f"{plan.dropped_documents:,}"),
        ("tokens", f"{plan.n_tokens:,}"),
        ("  packed", f"{plan.packed:,}"),
        ("  truncated", f"{plan.truncated:,}"),
        ("  dropped", f"{plan.dropped:,}"),
        ("chunks", f"{plan.n_chunks:,}"),
        ("sequences", f"{plan.n_bins:,}"),
        ("  lower bound", f"{plan.lower_bound:,}"),
        ("padding (tokens)", f"{plan.padding:,}"),
        ("efficiency", f"{100 * plan.efficiency:.6g} %"),
    ]
    title = f"Packed into sequences of {plan.options.context_length:,} tokens"
    _print_table(title, ["", ""], rows)


def _show_demo(demo: "Demo") -> None:
    plan, concatenation = demo.plan, demo.concatenation
    unnecessarily = (concatenation.cut_unnecessarily, demo.best_fit_cut_unnecessarily)
    figures = [
        ("sequences", concatenation.sequences, plan.n_bins),
        ("padding (tokens)", concatenation.padding, plan.padding),
        ("documents cut", concatenation.cut_documents, demo.best_fit_cut),
        ("  that would have fitted whole", *unnecessarily),
    ]
    title = (
        f"{plan.n_documents:,} documents, {plan.n_tokens:,} tokens, "
        f"sequences of {plan.options.context_length:,}"
    )
    rows = [
        (name, *(f"{number:,}" for number in numbers)) for name, *numbers in figures
    ]
    _print_table(title, ["", "concatenation", "best-fit"], rows)
    for path in (demo.documents, demo.assignment):
        print(f"wrote {path}", file=sys.stderr)  # noqa: T201


def _print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print a table for people, on stderr: stdout is for data."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=any(header))
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(stderr=True, highlight=False)
    console.print(title, markup=False)
    console.print(table)


def _complain(error: object, code: int) -> int:
    print(f"fastpack: error: {error}", file=sys.stderr)  # noqa: T201
    return code
