"""The arguments of the commands."""

import argparse
from functools import partial
from typing import Any

from fastpack.cli.engine import add_engine
from fastpack.cli.format_arguments import add_convert, add_formats, add_source_format
from fastpack.cli.parser import HelpfulParser
from fastpack.cli.rule_arguments import add_rules
from fastpack.cli.shared_arguments import (
    AddParser,
    add_json,
    add_overwrite,
    context_length,
)
from fastpack.cli.token_arguments import add_sequences
from fastpack.storage.location import as_path
from fastpack.version import __version__

CONTEXT_LENGTHS = (2048, 8192)
"""The context lengths if none is given to a command that takes several."""

_SOURCES = (
    "files, folders or globs, of the formats that `fastpack formats` lists, in the "
    "order given; of a folder or glob by path as in Polars: part-10, part-2; of tables "
    "also URLs: s3://, gs://, az://, hf://"
)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = HelpfulParser(
        prog="fastpack",
        description="Best-fit packing of LLM training documents into sequences.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_pack,
        _add_pack_tokens,
        _add_plan,
        _add_compare,
        _add_report,
        _add_verify,
        _add_verify_tokens,
        _add_demo,
        add_convert,
        add_formats,
    ):
        # A shortened option would be taken for another, when options are added.
        add(partial(commands.add_parser, allow_abbrev=False))
    return parser


def _add_pack(add_parser: AddParser) -> None:
    parser = add_parser(
        "pack",
        help="pack a table of document lengths; write the assignment table",
        usage="fastpack pack SOURCE ... --context-length L --output PATH [options]",
        description=(
            "Pack documents into training sequences and write which chunk of which "
            "document goes where: one row a chunk, in document order. A file as output "
            "is packed in memory. A folder gets one file a source: any size, all "
            "processors, and a killed run resumes."
        ),
    )
    _add_corpus(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the .parquet file to write; or a folder, with a slash at its end if it "
        "does not exist yet, also of s3://, gs:// or az://",
    )
    _add_keep(parser)
    _add_run(parser, "replace an output that exists; in a folder, start anew")
    add_rules(parser)


def _add_pack_tokens(add_parser: AddParser) -> None:
    parser = add_parser(
        "pack-tokens",
        help="pack token lists; write files of training sequences",
        usage="fastpack pack-tokens SOURCE ... --context-length L --output DIR/ "
        "[options]",
        description=(
            "Pack the tokens of documents into training sequences, one row each, block "
            "by block: a file of sequences for about 16 M tokens, or for the documents "
            "of --block-documents. Any size, all processors, and a killed run resumes."
        ),
    )
    _add_sources(parser, "sources", help=_SOURCES)
    add_source_format(parser)
    _add_context_length(parser, required=True)
    add_sequences(parser)
    _add_keep(parser)
    _add_run(parser, "start anew in a folder that holds an earlier run")
    add_rules(parser)


def _add_plan(add_parser: AddParser) -> None:
    parser = add_parser(
        "plan",
        help="print the figures of a packing, without the assignment table",
        usage="fastpack plan SOURCE ... --context-length L [options]",
        description=(
            "Print the figures of a packing. It takes the time to read the lengths, "
            "batch by batch."
        ),
    )
    _add_corpus(parser)
    add_json(parser)
    add_rules(parser)


def _add_compare(add_parser: AddParser) -> None:
    parser = add_parser(
        "compare",
        help="compare best-fit packing with concatenation and truncation",
        usage="fastpack compare SOURCE ... [--context-length L ...] [options]",
        description=(
            "Count the sequences, cuts and padding of a corpus by concatenation, "
            "truncation and best-fit packing, for several context lengths, in one pass "
            "over its lengths."
        ),
    )
    _add_corpus(parser, several=True)
    add_json(parser)
    add_rules(parser)


def _add_report(add_parser: AddParser) -> None:
    parser = add_parser(
        "report",
        help="draw what packing makes of a corpus, for several context lengths",
        usage="fastpack report SOURCE ... --output report.html [options]",
        description=(
            "Write a page of words, charts and numbers, which opens without network: "
            "documents cut, by context length; cuts, by the length of documents; "
            "documents in a sequence. Needs the extra `report`."
        ),
    )
    _add_corpus(parser, several=True)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the .html file to write; with --output-format png or svg, the folder",
    )
    parser.add_argument(
        "--output-format",
        "--format",  # its only name in 0.1.0
        choices=("html", "png", "svg"),
        default="html",
        help="one page, or each chart as a picture (default: %(default)s)",
    )
    add_overwrite(parser)
    add_rules(parser)


def _add_verify(add_parser: AddParser) -> None:
    parser = add_parser(
        "verify",
        help="check an assignment: every document, every row, every bin",
        usage="fastpack verify PATH [--source SOURCE ...] [options]",
        description=(
            "Check that the output of `fastpack pack` is a valid packing, by the rules "
            "in it, or given; with --source, of these documents. If not: exit code 1."
        ),
    )
    parser.add_argument(
        "assignment", metavar="PATH", help="a .parquet file, or a folder"
    )
    text = f"the documents that were packed: {_SOURCES}"
    _add_sources(parser, "--source", help=text, action="extend", dest="sources")
    _add_columns(parser)
    add_json(parser)
    _add_context_length(parser)
    add_rules(parser)


def _add_verify_tokens(add_parser: AddParser) -> None:
    parser = add_parser(
        "verify-tokens",
        help="check sequences: every token of every document, once, in order",
        usage="fastpack verify-tokens DIR [--source SOURCE ...] [--json]",
        description=(
            "Check that what `fastpack pack-tokens` wrote holds every token of every "
            "document, once, in order, by the rules in it. If not: exit code 1."
        ),
    )
    parser.add_argument("sequences", metavar="DIR", help="the folder that was written")
    text = f"the documents that were packed, if they lie elsewhere now: {_SOURCES}"
    _add_sources(parser, "--source", help=text, action="extend", dest="sources")
    add_json(parser)


def _add_demo(add_parser: AddParser) -> None:
    parser = add_parser(
        "demo",
        help="pack Python's standard library, beside concatenation",
        description=(
            "Pack the .py files of the standard library, or of a folder, one document "
            "a file, words and symbols as tokens; compare with concatenation."
        ),
    )
    parser.add_argument("folder", nargs="?", type=as_path, metavar="FOLDER")
    _add_context_length(parser, default=2048)
    parser.add_argument(
        "--output",
        default="fastpack-demo",
        metavar="DIR",
        help="the folder for corpus/ and assignment.parquet (default: %(default)s)",
    )
    add_overwrite(parser)


def _add_corpus(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the documents, and one context length or several."""
    _add_sources(parser, "sources", help=_SOURCES)
    _add_columns(parser)
    if several:
        _add_context_length(parser, nargs="+", action="extend")
    else:
        _add_context_length(parser, required=True)


def _add_sources(parser: argparse.ArgumentParser, name: str, **settings: Any) -> None:
    parser.add_argument(name, nargs="+", metavar="SOURCE", **settings)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the format of the sources, and their column of lengths."""
    add_source_format(parser)
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
        help="a column of token lists, in place of a column of lengths",
    )


def _add_keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="columns that identify a document (default: its row index over all "
        "sources, as column `document`)",
    )


def _add_run(parser: argparse.ArgumentParser, overwrite: str) -> None:
    """Add what a run into a folder is told, and what it prints."""
    add_engine(parser)
    parser.add_argument(
        "--no-resume",
        action="store_true",
        help="refuse a folder that holds an earlier run, rather than resume it",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_json(parser)
    add_overwrite(parser, overwrite)


def _add_context_length(parser: argparse.ArgumentParser, **settings: Any) -> None:
    text = "tokens in a training sequence"
    if "nargs" in settings:
        text += f"; may be repeated (default: {' '.join(map(str, CONTEXT_LENGTHS))})"
    elif "default" in settings:
        text += " (default: %(default)s)"
    parser.add_argument(
        "--context-length", type=context_length, metavar="L", help=text, **settings
    )
