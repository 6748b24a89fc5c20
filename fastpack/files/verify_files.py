"""verify_files(): the assignment in a file or a folder, by what it says of itself."""

from collections.abc import Callable
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


def verify_files(
    path: Path,
    documents: Callable[[PackingOptions], Documents] | None = None,
    options: PackingOptions | None = None,
) -> tuple[dict[str, Any], PackingOptions]:
    """Verify the output of a command: a file, or a folder that `pack_files` wrote.

    Parameters
    ----------
    path
        The file or folder.
    documents
        Gives the documents that were packed, by the options; None if not known.
    options
        The rules; None are those that the output says itself.

    Returns
    -------
    figures, options
        As `verify` gives them, and the rules.

    Raises
    ------
    VerificationError
        Beside what `verify` finds: a file is missing or was changed, or the figures are
        not those that were written down when it was packed.
    """
    written = read_assignment(path)
    if options is None:
        options = written.options
    if options is None:
        msg = (
            f"{path} does not say by which rules it was packed\n"
            "Hint: give --context-length, and the other rules if there were some."
        )
        raise OptionError(msg)
    figures = verify_table(
        written.table,
        options,
        documents=None if documents is None else documents(options),
        planned=written.histogram,
    )
    for name, value in written.figures.items():
        if name in figures and figures[name] != value:
            msg = (
                f"`{name}` is {figures[name]:,}, and was {value:,} when {path} was "
                "packed"
            )
            raise VerificationError(msg)
    return figures, options


class Assignment(NamedTuple):
    """An assignment in files, and what they say of it themselves.

    Parameters
    ----------
    table
        The rows.
    options, figures, histogram
        By which rules it was packed, what was counted then, and the documents that were
        planned; None, or nothing, where the files do not say.
    """

    table: pl.LazyFrame
    options: PackingOptions | None
    figures: dict[str, Any]
    histogram: Histogram | None


def read_assignment(path: Path) -> Assignment:
    """Open what `fastpack pack` wrote: a file, or a folder.

    Raises
    ------
    SourceNotFoundError, DataError
        There is no such thing, or it is no assignment.
    VerificationError
        A folder is not complete, or a file in it was changed.
    """
    if not path.is_dir():
        if not path.is_file():
            msg = f"no assignment at {path}\nHint: name what fastpack pack wrote."
            raise SourceNotFoundError(msg)
        metadata = read_metadata(path) or {}
        options = metadata.get("options")
        with errors_name(path):
            table = pl.scan_parquet(path, glob=False)
            table.collect_schema()
        return Assignment(
            table,
            None if options is None else PackingOptions(**options),
            metadata.get("figures", {}),
            None,
        )
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
    paths = [path / name for name in names]
    table = pl.concat([pl.scan_parquet(each, glob=False) for each in paths])
    return Assignment(table, plan.options, plan.figures(), plan.histogram)
