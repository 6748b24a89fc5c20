"""Verify token files: sequences that were written, and what is said of them there."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from fastpack.errors import SourceNotFoundError, VerificationError
from fastpack.files.manifest import Manifest, fingerprints_of
from fastpack.files.reading import Selection, errors_find_source, errors_name
from fastpack.files.token_sources import TokenSelection, check_same_dtypes
from fastpack.files.verify_files import check_figures, check_outputs
from fastpack.options import PackingOptions
from fastpack.storage.access import for_polars, read_bytes
from fastpack.storage.location import Location
from fastpack.tokens.sequence_options import check_sequence_options
from fastpack.tokens.verification.verify_tokens import verify_sequences


class WrittenSequences(NamedTuple):
    """Sequences in files, with what these hold beside them.

    Parameters
    ----------
    path
        The folder.
    table
        The rows.
    columns
        The columns that were read of the sources, and what the sequences hold.
    options
        The rules by which they were packed.
    sources
        The fingerprints of the sources, as the manifest holds them.
    figures
        The account of the run, by name.
    """

    path: Location
    table: pl.LazyFrame
    columns: TokenSelection
    options: PackingOptions
    sources: list[dict[str, Any]]
    figures: dict[str, Any]


def read_sequences(path: Location) -> WrittenSequences:
    """Open the folder that `fastpack pack-tokens` wrote.

    Raises
    ------
    SourceNotFoundError, DataError
        There is none at the path, or its documents cannot be read again.
    VerificationError
        It is not complete, a file in it was changed, or is none of the run.
    """
    manifest = Manifest(path)
    manifest.read()
    job = manifest.job
    if job is None or "sequences" not in job:
        msg = (
            f"{path} holds no training sequences\n"
            "Hint: name a folder of fastpack pack-tokens; for other tables there is "
            "fastpack.verify_tokens."
        )
        raise SourceNotFoundError(msg)
    outputs = [path / name for name in check_outputs(manifest)]
    table = pl.concat(
        [pl.scan_parquet(**for_polars(output), glob=False) for output in outputs]
    )
    read, held = job["columns"], job["sequences"]
    # Blocks without the rule are cut by tokens, and the last one is of all of them.
    rules = {**job["options"], "block_documents": held["block_documents"]}
    options = PackingOptions.from_dict(rules, manifest.path)
    sequences = check_sequence_options(
        read["tokens"],
        held["pad_values"],
        read["keep"],
        held["boundaries"],
        pad_id=held["pad_id"],
        bos_id=held["bos_id"],
        eos_id=held["eos_id"],
    )
    documents = Selection(
        sequences.tokens,
        sequences.keep,
        token_lists=True,
        by=options.by_columns,
        source_format=read.get("source_format"),
    )
    try:
        account = json.loads(read_bytes(manifest.account_path) or b"")
    except ValueError as error:
        msg = f"{path} is not complete: run the same command again to go on"
        raise VerificationError(msg) from error
    return WrittenSequences(
        path,
        table,
        TokenSelection(sequences, documents),
        options,
        job["sources"],
        account["figures"],
    )


def verify_token_files(
    written: WrittenSequences, paths: Sequence[Location]
) -> dict[str, Any]:
    """Verify sequences that were written, by their own rules.

    Parameters
    ----------
    written
        The sequences.
    paths
        The sources that were packed, in their order.

    Returns
    -------
    dict
        The figures of `verify_tokens`.

    Raises
    ------
    VerificationError
        As for `verify_tokens`; also if the figures are not those of the run.
    DataError, DataTypeError
        A source cannot be read.
    """
    columns = written.columns.of_sources(paths)
    documents = _scan(paths, columns)
    source_format = columns.documents.source_format
    try:
        with errors_find_source(paths, columns.scan, source_format):
            figures = verify_sequences(
                written.table, documents, columns.sequences, written.options
            )
    except VerificationError as error:
        if (changed := _first_changed(written, paths)) is None:
            raise
        msg = f"{changed} was changed since it was packed; {error}"
        raise VerificationError(msg) from error
    check_figures(figures, written.figures, written.path)
    return figures


def _scan(paths: Sequence[Location], columns: TokenSelection) -> pl.LazyFrame:
    """Scan several sources, one after the other."""
    frames: list[pl.LazyFrame] = []
    for path in paths:
        with errors_name(path, columns.documents.source_format):
            frames.append(columns.scan(path))
            first, last = (
                columns.dtypes_of(frame.collect_schema())
                for frame in (frames[0], frames[-1])
            )
            check_same_dtypes(first, last)
    return pl.concat(frames)


def _first_changed(
    written: WrittenSequences, paths: Sequence[Location]
) -> Location | None:
    """Return the first source that is not as it was when it was packed.

    None, too, if the sources lie elsewhere now.
    """
    now = [fingerprint.as_dict() for fingerprint in fingerprints_of(paths)]
    if [each["path"] for each in now] != [each["path"] for each in written.sources]:
        return None
    for path, source, packed in zip(paths, now, written.sources, strict=True):
        if source != packed:
            return path
    return None
