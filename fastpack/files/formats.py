"""Formats: the suffix of a source -> a lazy frame of what it holds."""

import glob
from collections.abc import Callable
from pathlib import Path

import polars as pl


def _scan_arrow(path: Path) -> pl.LazyFrame:
    """Scan an Arrow IPC file; of a stream, which cannot be scanned, read all."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return pl.read_ipc_stream(path).lazy()


SCANNERS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    ".parquet": lambda path: pl.scan_parquet(path, glob=False),
    ".pq": lambda path: pl.scan_parquet(path, glob=False),
    ".arrow": _scan_arrow,
    ".feather": _scan_arrow,
    ".ipc": _scan_arrow,
    ".csv": lambda path: pl.scan_csv(path, glob=False),
    ".jsonl": lambda path: pl.scan_ndjson(glob.escape(str(path))),
    ".ndjson": lambda path: pl.scan_ndjson(glob.escape(str(path))),
}
"""The kinds of sources, by their suffix."""
