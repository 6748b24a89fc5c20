"""The file of a plan: a Parquet table of its runs, all else in the metadata."""

import base64
import io
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram_frame import read_histogram
from fastpack.errors import DataError, SourceNotFoundError
from fastpack.options import PackingOptions
from fastpack.outputs import read_metadata, write_parquet
from fastpack.storage.access import for_polars, size_of
from fastpack.storage.location import Location


def write_plan(
    path: Location,
    runs: pl.DataFrame,
    histogram: Histogram,
    description: dict[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Write runs; the description and the histogram go to the metadata, as JSON."""
    metadata = {**description, "histogram": encode_histogram(histogram)}
    write_parquet(runs, path, metadata, overwrite=overwrite)


def encode_histogram(histogram: Histogram) -> str:
    """Return a histogram as a text."""
    buffer = io.BytesIO()
    histogram.to_frame().write_ipc(buffer, compression="zstd")
    return base64.b64encode(buffer.getvalue()).decode()


def decode_histogram(text: str) -> Histogram:
    """Return the histogram of a text of `encode_histogram`."""
    return read_histogram(pl.read_ipc(io.BytesIO(base64.b64decode(text))))


def read_description(path: Location) -> dict[str, Any]:
    """Return the description in the file of a plan; nothing, if it is none."""
    return read_metadata(path) or {}


def read_plan(path: Location) -> tuple[pl.DataFrame, Histogram, PackingOptions]:
    """Read the runs, the histogram and the options from the file of a plan."""
    if size_of(path) is None:
        msg = f"no file of a plan: {path}\nHint: PackingPlan.save writes one."
        raise SourceNotFoundError(msg)
    description = read_description(path)
    try:
        histogram = decode_histogram(description["histogram"])
        options = PackingOptions.from_dict(description["options"], path)
        return pl.read_parquet(**for_polars(path), glob=False), histogram, options
    except DataError:
        raise
    except (KeyError, ValueError, TypeError, OSError, PolarsError) as error:
        msg = (
            f"{path} is not the file of a plan: {error}\n"
            "Hint: PackingPlan.save writes one."
        )
        raise DataError(msg) from error
