"""The file of a plan: a Parquet table of its runs, all else in the metadata."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram_frame import read_histogram
from fastpack.errors import DataError, FastpackError, SourceNotFoundError
from fastpack.options import PackingOptions
from fastpack.outputs import read_metadata, write_parquet
from fastpack.packing.optimal.certificate import Certificate, Proofs
from fastpack.storage.access import for_polars, size_of
from fastpack.storage.location import RUN_FOLDER, Location, StrPath, Url


class SavedPlan(NamedTuple):
    """A plan as its file holds it.

    Parameters
    ----------
    histogram, options
        The documents, and the rules.
    runs
        The table `PackingPlan.runs`.
    proofs
        The proofs of searches; None without one.
    """

    histogram: Histogram
    options: PackingOptions
    runs: pl.DataFrame
    proofs: Proofs | None


def write_plan(
    path: Location, plan: SavedPlan, description: dict[str, Any], *, overwrite: bool
) -> None:
    """Write the runs of a plan; all else goes to the metadata, as JSON.

    `description` is `PackingPlan.as_dict`, and perhaps more.
    """
    metadata = {**description, "histogram": encode_histogram(plan.histogram)}
    if plan.proofs is not None:
        tables = plan.proofs._asdict()
        metadata |= {name: _as_text(table) for name, table in tables.items()}
    write_parquet(plan.runs, path, metadata, overwrite=overwrite)


def encode_histogram(histogram: Histogram) -> str:
    """Return a histogram as a text."""
    return _as_text(histogram.to_frame())


def decode_histogram(text: str) -> Histogram:
    """Return the histogram of a text of `encode_histogram`."""
    return read_histogram(_as_frame(text))


def _as_text(frame: pl.DataFrame) -> str:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return base64.b64encode(buffer.getvalue()).decode()


def _as_frame(text: str) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(base64.b64decode(text)))


def read_description(path: Location) -> dict[str, Any]:
    """Return the description in the file of a plan; nothing, if it is none."""
    return read_metadata(path) or {}


def read_plan(path: Location) -> tuple[SavedPlan, dict[str, Any]]:
    """Read the file of a plan, and its description."""
    is_file = path.suffix == ".parquet" if isinstance(path, Url) else not path.is_dir()
    if not is_file:  # a folder of `pack_files`
        path = path / RUN_FOLDER / "plan.parquet"
    if size_of(path) is None:
        msg = f"no file of a plan: {path}\nHint: PackingPlan.save writes one."
        raise SourceNotFoundError(msg)
    description = read_description(path)
    try:
        histogram = decode_histogram(description["histogram"])
        options = PackingOptions.from_dict(description["options"], path)
        proofs = None
        if options.strategy == "optimal":
            texts = (description[name] for name in Proofs._fields)
            proofs = Proofs(*map(_as_frame, texts))
            proofs.check()
        runs = pl.read_parquet(**for_polars(path), glob=False)
    except DataError:
        raise
    except (KeyError, ValueError, TypeError, OSError, PolarsError) as error:
        absent = "it does not hold " if isinstance(error, KeyError) else ""
        msg = (
            f"{path} is not the file of a plan: {absent}{error}\n"
            "Hint: PackingPlan.save writes one."
        )
        raise DataError(msg) from error
    return SavedPlan(histogram, options, runs, proofs), description


@contextmanager
def invalid_plans_name(path: StrPath | Location) -> Iterator[None]:
    """Let errors about a plan name its file."""
    try:
        yield
    except (FastpackError, PolarsError) as error:
        reason, *_ = str(error).split("\nHint: ")
        msg = (
            f"the plan in {path} is not valid: {reason}\n"
            "Hint: the file was changed; plan again, or restore it."
        )
        raise DataError(msg) from error


def check_certificate(
    certificate: Certificate | None, description: dict[str, Any]
) -> None:
    """Raise DataError if the description of a plan claims what is not so."""
    claimed = description.get("certificate")
    if certificate is None or claimed != certificate.as_dict():
        msg = f"its certificate {claimed!r} is not what its runs and prices prove"
        raise DataError(msg)
