"""Formats: the suffix of a source -> a lazy frame of its columns.

A new format is added here, and nowhere else: write a scanner and give it its suffixes
in `SCANNERS`. All that finds, reads, packs or verifies sources then takes them too. A
scanner is called with three arguments, and may ignore the last two:

path    the file. Its name is literal: no pattern, whatever "*" or "[1]" mean elsewhere.
length  the name of the column of lengths (or of token lists); None if that is an
        expression.
labels  the names of the columns that are kept or form groups: text that is passed on.

It returns a lazy frame

- of the rows in the order of the file, the same at each collection: packing reads a
  source twice;
- with at least the columns that the file has; columns that are not selected later cost
  nothing, if the format allows it;
- whose dtypes do not depend on the rows, even if there are none: labels of the same
  dtype in all files of a corpus, integers as lengths.

A scanner checks nothing. A damaged file may raise PolarsError, OSError or UnicodeError,
here or when the frame is collected: `reading.errors_name` adds its path.
"""

import glob
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import polars as pl
import polars.selectors as cs

from fastpack.errors import DataError

Scanner: TypeAlias = Callable[[Path, str | None, Sequence[str]], pl.LazyFrame]


def _scan_parquet(path: Path, *_: object) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False)


def _scan_arrow(path: Path, *_: object) -> pl.LazyFrame:
    """Scan an Arrow IPC file; read the whole of a stream, which cannot be scanned."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return pl.read_ipc_stream(path).lazy()


def _scan_csv(path: Path, length: str | None, labels: Sequence[str]) -> pl.LazyFrame:
    """Scan a CSV file; its dtypes are guessed from its rows, except two kinds.

    Labels are text: an id such as 007 stays as it is. A column of lengths without rows
    is one of integers.
    """
    texts = {label: pl.String() for label in labels if label != length}
    frame = pl.scan_csv(path, glob=False, schema_overrides=texts)
    if length is not None and frame.head(1).collect().is_empty():
        integers = cs.by_name(length, require_all=False).cast(pl.Int64)
        return frame.with_columns(integers)
    return frame


def _scan_ndjson(path: Path, *_: object) -> pl.LazyFrame:
    return pl.scan_ndjson(glob.escape(str(path)))


SCANNERS: Mapping[str, Scanner] = {
    ".parquet": _scan_parquet,
    ".pq": _scan_parquet,
    ".arrow": _scan_arrow,
    ".feather": _scan_arrow,
    ".ipc": _scan_arrow,
    ".csv": _scan_csv,
    ".jsonl": _scan_ndjson,
    ".ndjson": _scan_ndjson,
    # Polars looks at the first bytes: the scanners are the same.
    ".csv.gz": _scan_csv,
    ".csv.zst": _scan_csv,
    ".jsonl.gz": _scan_ndjson,
    ".jsonl.zst": _scan_ndjson,
    ".ndjson.gz": _scan_ndjson,
    ".ndjson.zst": _scan_ndjson,
}
"""The known formats, by suffix in lower case."""


def suffix_of(path: Path) -> str:
    """Return the suffix of a source, as it is written: two of a compressed one."""
    two = "".join(path.suffixes[-2:])
    return two if two.lower() in SCANNERS else path.suffix


def is_source(path: Path) -> bool:
    """Say whether the suffix of a file is that of a known format."""
    return suffix_of(path).lower() in SCANNERS


def scan_source(path: Path, length: str | None, labels: Sequence[str]) -> pl.LazyFrame:
    """Scan a file by the scanner of its suffix: see above.

    Raises
    ------
    DataError
        The suffix is unknown.
    """
    scanner = SCANNERS.get(suffix_of(path).lower())
    if scanner is None:
        msg = (
            f"the suffix {path.suffix!r} is unknown\n"
            f"Hint: sources are {', '.join(SCANNERS)} files."
        )
        raise DataError(msg)
    return scanner(path, length, labels)
