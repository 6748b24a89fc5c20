"""Verify files: an assignment that was written, and what it says of itself."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fastpack.documents.batches import Documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.errors import (
    DataError,
    OptionError,
    SourceNotFoundError,
    VerificationError,
)
from fastpack.files.manifest import Manifest
from fastpack.files.other_files import PARQUET, other_files
from fastpack.files.reading import (
    Selection,
    errors_find_source,
    errors_name,
    scan_columns,
    scanning_all,
)
from fastpack.files.targets import states_below
from fastpack.options import PackingOptions
from fastpack.outputs import checksum_of, read_metadata
from fastpack.packing.plan import PackingPlan
from fastpack.storage.access import for_polars, size_of
from fastpack.storage.location import Location, Url
from fastpack.verification.columns import shared_names
from fastpack.verification.verify import verify_table


class WrittenAssignment(NamedTuple):
    """An assignment in files, with what these hold beside it.

    Parameters
    ----------
    path
        The file or folder.
    table
        The rows.
    options
        The rules by which it was packed.
    has_rules
        Whether the files hold these rules; if not, they were given by hand.
    figures
        The figures of the plan, by name.
    histogram
        The documents that were planned; None if the files do not hold them.
    """

    path: Location
    table: pl.LazyFrame
    options: PackingOptions
    has_rules: bool
    figures: dict[str, Any]
    histogram: Histogram | None


def read_assignment(path: Location, rules: Mapping[str, Any]) -> WrittenAssignment:
    """Open an assignment: a folder of `fastpack pack`, or a Parquet file.

    Parameters
    ----------
    path
        The file or folder.
    rules
        The rules by which it was packed, by name, for a file that does not hold them;
        or some of those that it holds.

    Raises
    ------
    SourceNotFoundError, DataError
        There is nothing at the path, or it is no assignment.
    OptionError
        Neither the file nor `rules` has the context length; or both have a rule, and
        differ.
    VerificationError
        A folder is not complete, a file in it was changed, or is none of the run.
    """
    is_folder = size_of(path) is None if isinstance(path, Url) else path.is_dir()
    if is_folder:
        written = _read_folder(path)
    elif size_of(path) is not None:
        written = _read_file(path, rules)
    else:
        msg = f"no assignment at {path}\nHint: name what fastpack pack wrote."
        raise SourceNotFoundError(msg)
    for name, value in rules.items():
        packed = getattr(written.options, name)
        if packed != (tuple(value) if name == "by" else value):
            msg = (
                f"`{name}` was given as {value!r}, and {path} was packed with "
                f"{packed!r}\nHint: leave it out: the files know their rules."
            )
            raise OptionError(msg)
    return written


def verify_files(
    written: WrittenAssignment,
    paths: Sequence[Location] = (),
    columns: Selection | None = None,
) -> dict[str, Any]:
    """Verify an assignment that was written, by its own rules.

    Parameters
    ----------
    written
        The assignment.
    paths
        The sources that were packed, in their order; none if they are not at hand.
    columns
        The columns of lengths and of the rule `by`; None without sources.

    Returns
    -------
    dict
        The figures of `verify`.

    Raises
    ------
    VerificationError
        As for `verify`; also if the figures are not those that were written with it.
    DataError, DataTypeError
        A source cannot be read, or the assignment; or the columns `by` are nowhere, and
        no file says that it was packed by them.
    """
    with (
        errors_find_source([written.path], lambda _: written.table),
        _scanning_packed(written, paths, columns) as documents,
    ):
        figures = verify_table(
            written.table,
            written.options,
            documents=documents,
            planned=written.histogram,
            needs_groups=not written.has_rules,
        )
    check_figures(figures, written.figures, written.path)
    return figures


def check_figures(
    figures: Mapping[str, Any], written: Mapping[str, Any], path: Location
) -> None:
    """Refuse figures that are not those that were written at `path`."""
    for name, value in written.items():
        if name in figures and figures[name] != value:
            msg = (
                f"`{name}` is {figures[name]:,}, and was {value:,} when {path} was "
                "packed"
            )
            raise VerificationError(msg)


def _scanning_packed(
    written: WrittenAssignment, paths: Sequence[Location], columns: Selection | None
) -> AbstractContextManager[Documents | None]:
    """Scan the documents that were packed, with the columns that name them."""
    if columns is None or not paths:
        return nullcontext()
    schema = written.table.collect_schema()
    named = columns._replace(keep=shared_names(schema, schema)).of_sources(paths)
    with errors_name(paths[0], columns.source_format):
        found = scan_columns(paths[0], named).collect_schema()
    return scanning_all(paths, columns._replace(keep=shared_names(schema, found)))


def _read_file(path: Location, rules: Mapping[str, Any]) -> WrittenAssignment:
    if path.suffix.lower() not in PARQUET:
        msg = (
            f"an assignment is a .parquet file or a folder, got {path}\n"
            "Hint: name what fastpack pack wrote; its sources go to --source."
        )
        raise DataError(msg)
    metadata = read_metadata(path) or {}
    _refuse_sequences(path, metadata)
    with errors_name(path):
        table = pl.scan_parquet(**for_polars(path), glob=False)
        table.collect_schema()
    packed = metadata.get("options")
    if packed is None and "context_length" not in rules:
        msg = (
            f"{path} does not say by which rules it was packed\n"
            "Hint: give them: --context-length, and the others if there were any."
        )
        raise OptionError(msg)
    _refuse_one_of_many(path, metadata)
    options = (
        PackingOptions(**rules)
        if packed is None
        else PackingOptions.from_dict(packed, path)
    )
    return WrittenAssignment(
        path,
        table,
        options,
        has_rules=packed is not None,
        figures=metadata.get("figures", {}),
        histogram=None,
    )


def _refuse_one_of_many(path: Location, metadata: dict[str, Any]) -> None:
    """Refuse the file of one source: its bins are filled by others, too."""
    documents = metadata.get("shard", {}).get("documents")
    if documents is not None and documents != metadata["figures"]["n_documents"]:
        msg = (
            f"{path} has the rows of one source among several\n"
            "Hint: verify the folder that fastpack pack wrote it to."
        )
        raise OptionError(msg)


def _refuse_sequences(path: Location, described: Mapping[str, Any]) -> None:
    """Refuse what `fastpack pack-tokens` wrote, by its job or its metadata."""
    if "sequences" in described:
        msg = (
            f"{path} holds training sequences, no assignment\n"
            "Hint: `fastpack verify-tokens` checks what `fastpack pack-tokens` wrote."
        )
        raise DataError(msg)


def _read_folder(path: Location) -> WrittenAssignment:
    manifest = Manifest(path)
    manifest.read()
    if manifest.job is None:
        msg = f"{path} holds no assignment\nHint: name a folder of fastpack pack."
        raise SourceNotFoundError(msg)
    _refuse_sequences(path, manifest.job)
    names = check_outputs(manifest)
    plan = PackingPlan.load(manifest.plan_path)
    table = pl.concat(
        [pl.scan_parquet(**for_polars(path / name), glob=False) for name in names]
    )
    return WrittenAssignment(
        path,
        table,
        plan.options,
        has_rules=True,
        figures=plan.figures(),
        histogram=plan.histogram,
    )


def check_outputs(manifest: Manifest) -> list[str]:
    """Return the names of the outputs of a run that was read, in their order.

    Raises VerificationError if one is absent or was changed, or if the folder has other
    Parquet files.
    """
    path = manifest.target
    names: list[str] = (manifest.job or {})["outputs"]
    state_of = states_below(path)
    for name in names:
        output = path / name
        entry = manifest.complete.get(name)
        size, etag = state_of(output) or (None, None)
        if entry is None:
            what = "is not complete: run the same command again to go on"
        elif size is None:
            what = "is missing"
        elif size != entry["bytes"]:
            what = "was changed: it has another size"
        elif etag != entry.get("etag") or (
            isinstance(output, Path) and checksum_of(output) != entry["sha256"]
        ):
            what = "was changed: its bytes are not those that were written"
        else:
            continue
        msg = f"{output} {what}"
        raise VerificationError(msg)
    own = set(names)
    if others := other_files(path, lambda name: name in own):
        msg = (
            f"{path} has Parquet files that are none of its run: {len(others):,}, "
            f"the first {others[0]}\n"
            "Hint: move them elsewhere; who reads all files of the folder reads them."
        )
        raise VerificationError(msg)
    return names
