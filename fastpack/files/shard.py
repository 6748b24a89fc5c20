"""The work on one shard: functions that any executor can send to a worker."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from fastpack.documents.counter import BlockCounter, count_documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram_frame import read_histogram
from fastpack.errors import DataError
from fastpack.files.home import Ticket
from fastpack.files.manifest import Fingerprint
from fastpack.files.reading import Selection, errors_name, scan_documents
from fastpack.forks import refuse_forked
from fastpack.outputs import (
    checksum_of,
    read_metadata,
    system_errors_name,
    write_parquet,
)
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.lazy import AssignmentStart, assign_lazily
from fastpack.packing.shares import CorpusShare
from fastpack.storage.access import for_polars
from fastpack.storage.location import Location
from fastpack.storage.objects import version_of
from fastpack.version import __version__


class Shard(NamedTuple):
    """A source, and the files that are made of it.

    Parameters
    ----------
    source
        The file of the documents; absolute, like all paths here: workers may be in
        other folders.
    fingerprint
        The source as it was found.
    output
        The file of their assignment.
    counts_file
        The file of their histogram, between the passes.
    name
        The name of the output in the manifest.
    columns
        The columns that are read of the source.
    block_documents
        The rule.
    first_document
        The number of its first document in the corpus, with that rule; 0 without.
    n_documents
        The number of its documents, with that rule; None without.
    """

    source: Location
    fingerprint: Fingerprint
    output: Location
    counts_file: Location
    name: str
    columns: Selection
    block_documents: int | None = None
    first_document: int = 0
    n_documents: int | None = None

    @property
    def n_bytes(self) -> int:
        """The size of the source, in bytes."""
        return self.fingerprint.size


class CountedShard(NamedTuple):
    """The result of counting a shard.

    Parameters
    ----------
    histogram
        The lengths of its documents.
    kept, by
        The dtypes of the columns `keep` and `by`, by name: the same in all shards.
    """

    histogram: Histogram
    kept: dict[str, str]
    by: dict[str, str]


def count_rows(shard: Shard) -> int:
    """Return the number of documents of a shard: of most formats without reading it."""
    refuse_forked()
    with errors_name(shard.source, shard.columns.source_format):
        documents = scan_documents(shard.source, shard.columns)
        n_rows: int = documents.frame.select(pl.len()).collect().item()
    return n_rows


def count_shard(shard: Shard) -> int:
    """Count the documents of a shard; write their histogram, return their number.

    The histogram of an earlier run is used again, if its file is whole and the source
    still the same.
    """
    refuse_forked()
    with suppress(DataError):
        return read_counts(shard).histogram.n_documents
    with errors_name(shard.source, shard.columns.source_format):
        documents = scan_documents(shard.source, shard.columns)
        histogram = count_documents(
            documents, shard.block_documents, shard.first_document
        )
        shard.fingerprint.check()
        if shard.n_documents not in (None, histogram.n_documents):
            msg = (
                f"the file has {histogram.n_documents:,} documents, and had "
                f"{shard.n_documents:,} before\nHint: does something write to it?"
            )
            raise DataError(msg)
    kept = {} if documents.kept is None else documents.kept.schema
    counts = histogram.to_frame()
    metadata = {
        "about": _describe_counts(shard),
        "checksum": _checksum_of(counts),
        "kept": {name: str(dtype) for name, dtype in kept.items()},
        "by": {name: str(dtype) for name, dtype in documents.by.schema.items()},
    }
    write_parquet(
        counts, shard.counts_file, metadata, overwrite=True, follow_link=False
    )
    return histogram.n_documents


def read_counts(shard: Shard) -> CountedShard:
    """Read the file that `count_shard` wrote; raise DataError if it is not whole."""
    metadata = read_metadata(shard.counts_file) or {}
    if metadata.get("about") == _describe_counts(shard):
        # Damaged bytes are of any kind to Polars, and may be numbers like any others.
        with suppress(PolarsError, PanicException, OSError, ValueError):
            counts = pl.read_parquet(**for_polars(shard.counts_file), glob=False)
            if metadata["checksum"] == _checksum_of(counts):
                histogram = read_histogram(counts)
                return CountedShard(histogram, metadata["kept"], metadata["by"])
    msg = (
        f"{shard.counts_file} was changed while its source was packed\n"
        "Hint: run the same command again to go on."
    )
    raise DataError(msg)


def _checksum_of(counts: pl.DataFrame) -> int:
    """Return the checksum of a histogram: of its text, the same in all versions."""
    return zlib.crc32(counts.write_csv().encode())


def _describe_counts(shard: Shard) -> dict[str, Any]:
    """Return all that the histogram of a shard depends on, as its file holds it."""
    described: dict[str, Any] = {
        "version": __version__,
        "source": shard.fingerprint.as_dict(),
        "columns": {**shard.columns.as_dict(), "by": list(shard.columns.by)},
    }
    if shard.block_documents is not None:
        described["blocks"] = [shard.block_documents, shard.first_document]
    return described


class Instructions(NamedTuple):
    """The arguments that all calls of `assign_shard` share: handed to workers once.

    Parameters
    ----------
    about
        The version, the options and the figures of the plan, for the metadata.
    ticket
        The right to write to the target.
    """

    about: dict[str, Any]
    ticket: Ticket


def assign_shard(
    shard: Shard, share: CorpusShare, instructions: Instructions, *plans: BlockPlan
) -> dict[str, Any]:
    """Assign the documents of a shard; write their rows to its output.

    Parameters
    ----------
    shard
        The source, and the file of the rows.
    share
        The part of the plan that the shard takes.
    instructions
        The same for all shards.
    *plans
        The plans of the blocks of the share.

    Returns
    -------
    dict
        The shard's entry in the manifest.
    """
    refuse_forked()
    planned = read_counts(shard).histogram
    with errors_name(shard.source, shard.columns.source_format):
        documents = scan_documents(shard.source, shard.columns)

    @contextmanager
    def start() -> Iterator[AssignmentStart]:
        with errors_name(shard.source, shard.columns.source_format):
            shard.fingerprint.check()
            counter = BlockCounter(
                documents.name,
                documents.by,
                shard.block_documents,
                shard.first_document,
            )
            yield AssignmentStart(share.assigner(plans), counter, planned)
            shard.fingerprint.check()

    entry = {
        "source": str(shard.fingerprint.path),
        "first_document": share.first_document,
        "documents": planned.n_documents,
        "rows": share.n_rows,
    }
    metadata = {**instructions.about, "job": instructions.ticket.job_id, "shard": entry}
    if isinstance(shard.output, Path):
        with system_errors_name(shard.output):
            shard.output.parent.mkdir(parents=True, exist_ok=True)
    rows = assign_lazily(documents, start)
    write_parquet(
        rows,
        shard.output,
        metadata,
        overwrite=True,
        follow_link=False,
        check=instructions.ticket.check,
    )
    return entry_of(shard.output, entry)


def read_entry(output: Path) -> dict[str, Any] | None:
    """Return the entry of an output in the manifest, as it is now; None if damaged.

    That takes the time to read the file: 1 GB a second, some 3 % of the time to pack.
    """
    metadata = read_metadata(output) or {}
    return entry_of(output, metadata["shard"]) if "shard" in metadata else None


def entry_of(output: Location, described: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of an output in the manifest: described, and its checksum."""
    if isinstance(output, Path):
        checksum = checksum_of(output)
        return {**described, "bytes": output.stat().st_size, "sha256": checksum}
    version = version_of(output)
    if version is None:
        msg = (
            f"{output} was removed while its run goes on\n"
            "Hint: run the same command again to go on."
        )
        raise DataError(msg)
    return {**described, "bytes": version.size, "etag": version.tag}
