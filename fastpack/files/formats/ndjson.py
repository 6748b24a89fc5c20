"""NDJSON, or JSONL: an object a line, compressed or not."""

import glob
from pathlib import Path

import polars as pl

from fastpack.files.formats.format import Format, Request

_SUFFIXES = (".jsonl", ".ndjson")


def _open(path: Path, _: Request) -> pl.LazyFrame:
    return pl.scan_ndjson(glob.escape(str(path)))


# Polars looks at the first bytes: compressed files are opened the same way.
NDJSON = Format(
    "ndjson",
    "NDJSON: an object a line",
    (
        *_SUFFIXES,
        *(f"{each}{packed}" for each in _SUFFIXES for packed in (".gz", ".zst")),
    ),
    _open,
)
