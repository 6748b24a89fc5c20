"""NDJSON, or JSONL: an object a line, compressed or not."""

import glob
from pathlib import Path

import polars as pl

from fastpack.errors import DataError
from fastpack.files.formats.format import Format, Request
from fastpack.storage.access import for_polars
from fastpack.storage.location import Location

_SUFFIXES = (".jsonl", ".ndjson")


def _open(path: Location, _: Request) -> pl.LazyFrame:
    """Scan a file, whose name Polars takes as a pattern: a regular one, in a store."""
    arguments = for_polars(path)
    if isinstance(path, Path):
        arguments["source"] = glob.escape(str(path))
    elif any(letter in path.path for letter in "*?"):
        msg = "Polars cannot read an object of such a name\nHint: rename it."
        raise DataError(msg)
    else:
        arguments["source"] = str(path).replace("[", "\\[")
    return pl.scan_ndjson(**arguments)


# Polars looks at the first bytes: compressed files are opened the same way.
NDJSON = Format(
    "ndjson",
    "NDJSON: an object a line",
    (
        *_SUFFIXES,
        *(f"{each}{packed}" for each in _SUFFIXES for packed in (".gz", ".zst")),
    ),
    _open,
    open_object=_open,
)
