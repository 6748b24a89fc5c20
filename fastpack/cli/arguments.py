"""The arguments of the commands."""

import argparse
from pathlib import Path

from fastpack.cli.shared_arguments import (
    SOURCES,
    add_columns,
    add_context_length,
    add_context_lengths,
    add_json,
    add_lengths,
    add_overwrite,
    add_rules,
    positive,
)
from fastpack.version import __version__


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="fastpack",
        description="Best-fit packing of LLM training documents into sequences.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_pack(commands)
    _add_plan(commands)
    _add_compare(commands)
    _add_report(commands)
    _add_verify(commands)
    _add_demo(commands)
    return parser


def _add_pack(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "pack",
        help="pack a table of document lengths; write the assignment table",
        usage="fastpack pack SOURCE ... --context-length L --output PATH [options]",
        description=(
            "Pack documents into training sequences and write which chunk of which "
            "document goes where: one row a chunk, in document order. Into a file, in "
            "memory; or into a folder, a file for each source: for a corpus of any "
            "size, by all processors, and a run that was killed goes on where it was."
        ),
    )
    add_lengths(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the .parquet file to write; or a folder, with a slash at its end if it "
        "does not exist yet",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="columns that identify a document (default: its row index over all "
        "sources, as column `document`)",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="sources packed at a time, into a folder (default: one a processor)",
    )
    parser.add_argument(
        "--no-resume",
        action="store_true",
        help="refuse a folder that holds an earlier run, rather than go on with it",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_overwrite(parser, "replace an output that exists; in a folder, start anew")


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
    add_lengths(parser)


def _add_compare(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare best-fit packing with concatenation and truncation",
        usage="fastpack compare SOURCE ... [--context-length L ...] [options]",
        description=(
            "Count what concatenation, truncation and best-fit packing make of a "
            "corpus, for several context lengths, in one pass over its lengths."
        ),
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCES)
    add_columns(parser)
    add_context_lengths(parser)
    add_rules(parser)
    add_json(parser)


def _add_report(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "report",
        help="draw what packing makes of a corpus, for several context lengths",
        usage="fastpack report SOURCE ... --output report.html [options]",
        description=(
            "Write a page of words, charts and numbers, which opens without network: "
            "documents cut, padding and sequences over the context length, cuts by the "
            "length of documents, documents in a sequence, space left. Needs the extra "
            "`plot`."
        ),
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCES)
    add_columns(parser)
    add_context_lengths(parser)
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="PATH",
        help="the .html file to write; with --format png or svg, the folder",
    )
    parser.add_argument(
        "--format",
        choices=("html", "png", "svg"),
        default="html",
        help="one page, or each chart as a picture (default: %(default)s)",
    )
    add_rules(parser)
    add_overwrite(parser)


def _add_verify(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = commands.add_parser(
        "verify",
        help="check an assignment: every document, every row, every bin",
        usage="fastpack verify PATH [--source SOURCE ...] [options]",
        description=(
            "Check that what `fastpack pack` wrote is a valid packing, by the rules "
            "that it says itself; with --source, of these documents. Exit code 1 if it "
            "is not."
        ),
    )
    parser.add_argument(
        "assignment", type=Path, metavar="PATH", help="a .parquet file, or a folder"
    )
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        dest="sources",
        metavar="SOURCE",
        help="the documents that were packed: " + SOURCES,
    )
    add_columns(parser)
    add_json(parser)


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
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    add_context_length(parser, required=False)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("fastpack-demo"),
        metavar="DIR",
        help="the folder for documents.parquet and assignment.parquet "
        "(default: %(default)s)",
    )
    add_overwrite(parser)
