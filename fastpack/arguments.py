"""The arguments of the commands."""

import argparse
from pathlib import Path
from typing import get_args

from fastpack import __version__
from fastpack.options import LongDocuments, PackingOptions


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
    _add_lengths(parser)
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
        type=_positive,
        metavar="N",
        help="sources packed at a time, into a folder (default: one a processor)",
    )
    parser.add_argument(
        "--no-resume",
        action="store_true",
        help="refuse a folder that holds an earlier run, rather than go on with it",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
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
    _add_lengths(parser)


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
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=_SOURCES)
    _add_columns(parser)
    parser.add_argument(
        "--context-length",
        nargs="+",
        action="extend",
        type=_context_length,
        metavar="L",
        help="tokens in a training sequence; may be repeated (default: 2048 8192)",
    )
    _add_rules(parser)
    _add_json(parser)


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
        help="the documents that were packed: " + _SOURCES,
    )
    _add_columns(parser)
    _add_json(parser)


_SOURCES = (
    "files, folders or globs: Parquet (.parquet .pq), Arrow IPC (.arrow .ipc "
    ".feather), CSV (.csv) or NDJSON (.ndjson .jsonl), read in the order in which they "
    "are listed, the files of a folder or glob by name, part-2 before part-10"
)


def _add_lengths(parser: argparse.ArgumentParser) -> None:
    """Add what says which documents are packed, and by which rules."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=_SOURCES)
    _add_columns(parser)
    _add_context_length(parser, required=True)
    _add_rules(parser)
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print the figures as JSON, to stdout"
    )


def _add_columns(parser: argparse.ArgumentParser) -> None:
    """Add what says where lengths are."""
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


def _add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the rules of `PackingOptions`, which checks their values."""
    rules = parser.add_argument_group("rules of the packing")
    rules.add_argument(
        "--long-documents",
        choices=get_args(LongDocuments),
        default="split",
        help="what is done with documents longer than a sequence (default: split)",
    )
    rules.add_argument(
        "--max-documents",
        type=_integer,
        metavar="N",
        help="at most N chunks in a sequence (default: any number)",
    )
    rules.add_argument(
        "--extra-tokens",
        type=_integer,
        default=0,
        metavar="N",
        help="N tokens (BOS, EOS) will be added to every chunk",
    )
    rules.add_argument(
        "--align",
        type=_integer,
        default=1,
        metavar="N",
        help="every chunk takes a multiple of N tokens in its sequence",
    )
    rules.add_argument(
        "--min-chunk",
        type=_integer,
        default=1,
        metavar="N",
        help="drop remainders of split documents that are shorter than N tokens",
    )
    rules.add_argument(
        "--by",
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="columns in which the documents of a sequence do not differ",
    )
    rules.add_argument(
        "--shuffle-seed",
        type=_integer,
        metavar="SEED",
        help="number the sequences at random, for training in the order of `bin`",
    )
    rules.add_argument(
        "--bins-multiple",
        type=_integer,
        default=1,
        metavar="N",
        help="round the number of sequences up to a multiple of N",
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
        "--overwrite",
        action="store_true",
        help="replace an output that exists; in a folder, start anew",
    )


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        message = f"must be an integer, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def _positive(text: str) -> int:
    number = _integer(text)
    if number < 1:
        message = f"must be an integer of at least 1, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return number


def _context_length(text: str) -> int:
    try:
        return PackingOptions(context_length=int(text)).context_length
    except ValueError as error:
        message = f"must be an integer from 1 to 2**31 - 1, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error
