"""Arrow IPC: tables in files, which are scanned, or in streams, which are read."""

from pathlib import Path

import polars as pl

from fastpack.files.formats.format import Format, Request


def _scan(path: Path, _: Request) -> pl.LazyFrame:
    """Scan an Arrow IPC file; read the whole of a stream, which cannot be scanned."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return pl.read_ipc_stream(path).lazy()


ARROW = Format(
    "arrow", "Arrow IPC files and streams", (".arrow", ".feather", ".ipc"), _scan
)
