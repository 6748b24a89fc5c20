"""NDJSON, or JSONL: an object a line, or a list of tokens a line, compressed or not."""

import glob
from collections.abc import Generator, Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.inputs import DEFAULT_LENGTH
from fastpack.documents.streaming import collect_in_batches, generate_lazily
from fastpack.errors import DataError
from fastpack.files.formats.document_file import TOKENS
from fastpack.files.formats.format import Format, Request
from fastpack.storage.access import for_polars
from fastpack.storage.location import Location

_SUFFIXES = (".jsonl", ".ndjson")

_BATCH_LINES = 1 << 14
"""Lines that are read at a time: of 1,000 tokens, some 100 MB."""

_LISTS = pl.List(pl.Int64())

_INTEGER = r"\s*-?(?:0|[1-9][0-9]*)\s*"

_PATTERN = rf"^\s*\[(?:\s*|{_INTEGER}(?:,{_INTEGER})*)\]\s*$"
"""A list of integers. Without it, Polars would take 1.5 for 1, and "5" for [5]."""


def _open(path: Location, _: Request) -> pl.LazyFrame:
    """Scan a file, whose name Polars takes as a pattern: a regular one, in a store."""
    if _has_lists(path):
        return _scan_lists(path)
    arguments = for_polars(path)
    if isinstance(path, Path):
        arguments["source"] = glob.escape(str(path))
    elif any(letter in path.path for letter in "*?"):
        msg = "Polars cannot read an object of such a name\nHint: rename it."
        raise DataError(msg)
    else:
        arguments["source"] = str(path).replace("[", "\\[")
    return pl.scan_ndjson(**arguments)


def _scan_lines(path: Location) -> pl.LazyFrame:
    """Scan lines, as a table of one column; blank ones are null."""
    return pl.scan_csv(
        **for_polars(path),
        has_header=False,
        separator="\1",  # of no JSON
        quote_char=None,
        schema={"line": pl.String()},
        glob=False,
    )


def _has_lists(path: Location) -> bool:
    """Say whether the first line that is not blank begins as a list."""
    lines = _scan_lines(path).select(pl.col("line").str.strip_chars_start())
    try:
        first = lines.filter(pl.col("line").str.len_bytes() > 0).head(1).collect()
    except PolarsError:  # said better by what reads objects
        return False
    return first.height > 0 and first.item().startswith("[")


def _scan_lists(path: Location) -> pl.LazyFrame:
    """Scan lists of tokens, a line each."""

    def tables(_: Sequence[str]) -> Generator[pl.DataFrame]:
        first = 0
        for batch in collect_in_batches(_scan_lines(path), _BATCH_LINES):
            lists = _parse(batch["line"], first)
            yield pl.DataFrame(
                [lists, lists.list.len().cast(pl.Int64).alias(DEFAULT_LENGTH)]
            )
            first += batch.height

    return generate_lazily(
        pl.Schema({TOKENS: _LISTS, DEFAULT_LENGTH: pl.Int64()}), tables
    )


def _parse(lines: pl.Series, first: int) -> pl.Series:
    """Return the tokens in some lines; the first of them has this number, from 0."""
    numbered = lines.to_frame().with_row_index("number", first)
    numbered = numbered.filter(pl.col("line").str.strip_chars().str.len_bytes() > 0)
    wrong = numbered.filter(~pl.col("line").str.contains(_PATTERN))
    if wrong.is_empty():
        lists = numbered["line"].str.json_decode(_LISTS).alias(TOKENS)
        if not lists.explode(empty_as_null=False, keep_nulls=False).null_count():
            return lists
        is_wide = lists.list.eval(pl.element().is_null()).list.any()
        wrong = numbered.filter(is_wide)
    number, line = wrong.row(0)
    msg = (
        f"line {number + 1:,}: expected a list of integers of 64 bits, as in the "
        f"first line, found {line[:60]!r}\n"
        "Hint: is the file truncated, or are these no tokens?"
    )
    raise DataError(msg)


# Polars looks at the first bytes: compressed files are opened the same way.
NDJSON = Format(
    "ndjson",
    "NDJSON: an object, or a list of tokens, a line",
    (
        *_SUFFIXES,
        *(f"{each}{packed}" for each in _SUFFIXES for packed in (".gz", ".zst")),
    ),
    _open,
    open_object=_open,
)
