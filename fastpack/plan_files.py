"""The file of a plan: a Parquet table of its runs, all else in the metadata."""

import base64
import io
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fastpack.errors import DataError, SourceNotFoundError
from fastpack.histogram import LengthHistogram
from fastpack.outputs import read_metadata, write_parquet


def write_plan(
    path: Path,
    runs: pl.DataFrame,
    histogram: LengthHistogram,
    description: dict[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Write runs; the description and the histogram go to the metadata, as JSON."""
    buffer = io.BytesIO()
    histogram.to_frame().write_ipc(buffer, compression="zstd")
    text = base64.b64encode(buffer.getvalue()).decode()
    metadata = {**description, "histogram": text}
    write_parquet(runs, path, metadata, overwrite=overwrite)


def read_plan(path: Path) -> tuple[pl.DataFrame, LengthHistogram, dict[str, Any]]:
    """Read what `write_plan` wrote: runs, histogram, description."""
    if not path.is_file():
        msg = f"no file of a plan: {path}\nHint: PackingPlan.save writes one."
        raise SourceNotFoundError(msg)
    try:
        description = read_metadata(path) or {}
        encoded = base64.b64decode(description.pop("histogram"))
        columns = pl.read_ipc(io.BytesIO(encoded))
        histogram = LengthHistogram(*columns.select("length", "documents"))
        return pl.read_parquet(path, glob=False), histogram, description
    except (KeyError, ValueError, TypeError, OSError, PolarsError) as error:
        msg = f"{path} is not the file of a plan\nHint: PackingPlan.save writes one."
        raise DataError(msg) from error
