"""Arrow IPC: tables in files, which are scanned, or in streams, which are read."""

from pathlib import Path

import polars as pl

from fastpack.files.formats.arrow_stream import ArrowStream
from fastpack.files.formats.format import Format, Request


def _open(path: Path, _: Request) -> pl.LazyFrame | ArrowStream:
    """Scan an Arrow IPC file, or open a stream, of which Polars would read all."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return ArrowStream(path)


ARROW = Format(
    "arrow", "Arrow IPC files and streams", (".arrow", ".feather", ".ipc"), _open
)
