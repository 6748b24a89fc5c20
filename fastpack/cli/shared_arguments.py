"""Arguments that several commands take."""

import argparse
from typing import get_args

from fastpack.options import LongDocuments, PackingOptions

SOURCES = (
    "files, folders or globs: Parquet (.parquet .pq), Arrow IPC (.arrow .ipc "
    ".feather), CSV (.csv) or NDJSON (.ndjson .jsonl), read in the order in which they "
    "are listed, the files of a folder or glob by name, part-2 before part-10"
)


def add_lengths(parser: argparse.ArgumentParser) -> None:
    """Add what says which documents are packed, and by which rules."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCES)
    add_columns(parser)
    add_context_length(parser, required=True)
    add_rules(parser)
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add how figures are printed."""
    parser.add_argument(
        "--json", action="store_true", help="print the figures as JSON, to stdout"
    )


def add_columns(parser: argparse.ArgumentParser) -> None:
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


def add_rules(parser: argparse.ArgumentParser) -> None:
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


def add_context_length(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add one context length."""
    parser.add_argument(
        "--context-length",
        required=required,
        default=None if required else 2048,
        type=_context_length,
        metavar="L",
        help="tokens in a training sequence" + ("" if required else " (default: 2048)"),
    )


def add_overwrite(
    parser: argparse.ArgumentParser, what: str = "replace an output that exists"
) -> None:
    """Add whether an output may be there already."""
    parser.add_argument("--overwrite", action="store_true", help=what)


def add_context_lengths(parser: argparse.ArgumentParser) -> None:
    """Add several context lengths."""
    parser.add_argument(
        "--context-length",
        nargs="+",
        action="extend",
        type=_context_length,
        metavar="L",
        help="tokens in a training sequence; may be repeated (default: 2048 8192)",
    )


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        message = f"must be an integer, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def positive(text: str) -> int:
    """Read an integer of at least 1."""
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
