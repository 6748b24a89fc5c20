"""Verify files: an assignment that was written, and what it says of itself."""

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fastpack.documents.batches import Documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.errors import OptionError, SourceNotFoundError, VerificationError
from fastpack.files.manifest import Manifest
from fastpack.files.reading import errors_name
from fastpack.options import PackingOptions
from fastpack.outputs import read_metadata
from fastpack.packing.plan import PackingPlan
from fastpack.verification.verify import verify_table


class WrittenAssignment(NamedTuple):
    """An assignment in files, with the rules and figures that these hold beside it.

    Parameters
    ----------
    path
        The file or folder.
    table
        The rows.
    options
        The rules by which it was packed.
    figures
        The figures of the plan, by name.
    histogram
        The documents that were planned; None if the files do not hold them.
    """

    path: Path
    table: pl.LazyFrame
    options: PackingOptions
    figures: dict[str, Any]
    histogram: Histogram | None


def read_assignment(path: Path) -> WrittenAssignment:
    """Open an assignment of `fastpack pack`: a file, or a folder.

    Raises
    ------
    SourceNotFoundError, DataError
        There is nothing at the path, or it is no assignment.
    OptionError
        A file does not hold the rules by which it was packed.
    VerificationError
        A folder is not complete, or a file in it was changed.
    """
    if path.is_dir():
        return _read_folder(path)
    if path.is_file():
        return _read_file(path)
    msg = f"no assignment at {path}\nHint: name what fastpack pack wrote."
    raise SourceNotFoundError(msg)


def verify_files(
    written: WrittenAssignment, documents: Documents | None = None
) -> dict[str, Any]:
    """Verify an assignment that was written, by its own rules.

    Parameters
    ----------
    written
        The assignment.
    documents
        The documents that were packed; None if they are not at hand.

    Returns
    -------
    dict
        The figures of `verify`.

    Raises
    ------
    VerificationError
        As for `verify`; also if the figures are not those that were written with it.
    """
    figures = verify_table(
        written.table,
        written.options,
        documents=documents,
        planned=written.histogram,
    )
    for name, value in written.figures.items():
        if name in figures and figures[name] != value:
            msg = (
                f"`{name}` is {figures[name]:,}, and was {value:,} when {written.path} "
                "was packed"
            )
            raise VerificationError(msg)
    return figures


def _read_file(path: Path) -> WrittenAssignment:
    metadata = read_metadata(path) or {}
    with errors_name(path):
        table = pl.scan_parquet(path, glob=False)
        table.collect_schema()
    if metadata.get("options") is None:
        msg = (
            f"{path} does not say by which rules it was packed\n"
            "Hint: fastpack.verify, in Python, checks a table by rules that you give."
        )
        raise OptionError(msg)
    options = PackingOptions(**metadata["options"])
    return WrittenAssignment(path, table, options, metadata.get("figures", {}), None)


def _read_folder(path: Path) -> WrittenAssignment:
    manifest = Manifest(path)
    manifest.read()
    if manifest.job is None:
        msg = f"{path} holds no assignment\nHint: name a folder of fastpack pack."
        raise SourceNotFoundError(msg)
    names = manifest.job["outputs"]
    for name in names:
        entry = manifest.complete.get(name)
        if entry is None:
            what = "is not complete: run the same command again to go on"
        elif not (path / name).is_file():
            what = "is missing"
        elif (path / name).stat().st_size != entry["bytes"]:
            what = "was changed: it has another size"
        else:
            continue
        msg = f"{path / name} {what}"
        raise VerificationError(msg)
    plan = PackingPlan.load(manifest.plan_path)
    table = pl.concat([pl.scan_parquet(path / name, glob=False) for name in names])
    return WrittenAssignment(path, table, plan.options, plan.figures(), plan.histogram)
