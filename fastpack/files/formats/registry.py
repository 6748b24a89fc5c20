"""The registry: all formats, and which is that of a file."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fastpack.errors import DataError
from fastpack.files.formats.arrow import ARROW
from fastpack.files.formats.csv import CSV
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.ndjson import NDJSON
from fastpack.files.formats.parquet import PARQUET

FORMATS = (PARQUET, ARROW, CSV, NDJSON)

BY_SUFFIX: Mapping[str, Format] = {
    suffix: each for each in FORMATS for suffix in each.suffixes
}
"""The format of each known suffix, in lower case."""


def suffix_of(path: Path) -> str:
    """Return the suffix of a source, as it is written: two of a compressed one."""
    two = "".join(path.suffixes[-2:])
    return two if two.lower() in BY_SUFFIX else path.suffix


def is_source(path: Path) -> bool:
    """Say whether the suffix of a file is that of a known format."""
    return suffix_of(path).lower() in BY_SUFFIX


def scan_source(path: Path, request: Request) -> pl.LazyFrame:
    """Scan a file by the scanner of its format.

    Raises
    ------
    DataError
        The suffix is unknown.
    """
    return format_of(path).scan(path, request)


def format_of(path: Path) -> Format:
    """Return the format of a file; raise DataError if its suffix is unknown."""
    found = BY_SUFFIX.get(suffix_of(path).lower())
    if found is None:
        msg = (
            f"the suffix {path.suffix!r} is unknown\n"
            f"Hint: sources are {', '.join(BY_SUFFIX)} files."
        )
        raise DataError(msg)
    return found
