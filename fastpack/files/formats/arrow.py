"""Arrow IPC: tables in files, which are scanned, or in streams, which are read.

Those in object stores are files.
"""

from pathlib import Path

import polars as pl

from fastpack.files.formats.arrow_stream import ArrowStream
from fastpack.files.formats.format import Format, Request
from fastpack.storage.access import for_polars
from fastpack.storage.location import Url


def _open_object(url: Url, _: Request) -> pl.LazyFrame:
    """Scan an Arrow IPC file."""
    return pl.scan_ipc(**for_polars(url), glob=False)


def _open(path: Path, _: Request) -> pl.LazyFrame | ArrowStream:
    """Scan an Arrow IPC file, or open a stream, of which Polars would read all."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return ArrowStream(path)


ARROW = Format(
    "arrow",
    "Arrow IPC files and streams",
    (".arrow", ".feather", ".ipc"),
    _open,
    open_object=_open_object,
)
