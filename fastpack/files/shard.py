"""What is done to one shard: functions that any executor can send to a worker."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fastpack.documents.counter import count_documents
from fastpack.documents.grouped_histogram import Histogram, read_histogram
from fastpack.errors import DataError
from fastpack.files.manifest import Fingerprint, Ticket
from fastpack.files.reading import Selection, naming, scan_documents
from fastpack.outputs import read_metadata, write_parquet
from fastpack.packing.chunks import Chunks
from fastpack.packing.lazy import Start, assign_lazily
from fastpack.packing.plan import PackingPlan
from fastpack.version import __version__


class Shard(NamedTuple):
    """A source, and the files that are made of it.

    Parameters
    ----------
    source
        Where the documents are; absolute, like all paths here: workers may be in other
        folders.
    fingerprint
        The source as it was found.
    output
        Where their assignment goes.
    counts
        Where their histogram is kept between the passes.
    name
        The output, as the manifest names it.
    columns
        What is read of the source.
    """

    source: Path
    fingerprint: Fingerprint
    output: Path
    counts: Path
    name: str
    columns: Selection


class Job(NamedTuple):
    """What a shard's output is a part of.

    Parameters
    ----------
    name
        The same for all outputs of a job, and for no others: for their metadata.
    ticket
        Of the run that does it.
    """

    name: str
    ticket: Ticket


class CountedShard(NamedTuple):
    """What counting a shard found: its histogram, and the types of its columns."""

    histogram: Histogram
    kept: dict[str, str]
    by: dict[str, str]


def count_shard(shard: Shard) -> int:
    """Count the documents of a shard; keep their histogram, return their number.

    A run that was killed may have done so already.
    """
    about = _about(shard)
    if (read_metadata(shard.counts) or {}).get("about") == about:
        return read_counts(shard).histogram.n_documents
    with naming(shard.source):
        documents = scan_documents(shard.source, shard.columns)
        histogram = count_documents(documents)
        shard.fingerprint.check()
    kept = {} if documents.kept is None else documents.kept.schema
    metadata = {
        "about": about,
        "kept": {name: str(dtype) for name, dtype in kept.items()},
        "by": {name: str(dtype) for name, dtype in documents.by.schema.items()},
    }
    write_parquet(histogram.to_frame(), shard.counts, metadata, overwrite=True)
    return histogram.n_documents


def read_counts(shard: Shard) -> CountedShard:
    """Read what `count_shard` wrote."""
    metadata = read_metadata(shard.counts) or {}
    if metadata.get("about") != _about(shard):
        msg = f"{shard.counts} was changed while its source was packed"
        raise DataError(msg)
    counts = pl.read_parquet(shard.counts, glob=False)
    return CountedShard(read_histogram(counts), metadata["kept"], metadata["by"])


def _about(shard: Shard) -> dict[str, Any]:
    return {
        "version": __version__,
        "source": shard.fingerprint._asdict(),
        "columns": {**shard.columns.as_dict(), "by": list(shard.columns.by)},
    }


def assign_shard(
    shard: Shard,
    plan: PackingPlan,
    before: Sequence[Chunks],
    first_document: int,
    job: Job,
) -> dict[str, Any]:
    """Assign the documents of a shard; write their rows to its output.

    Parameters
    ----------
    shard
        What is read, and where the rows go.
    plan
        The plan of the whole corpus.
    before, first_document
        The chunks of all shards before this one, in each group, and the number of their
        documents.
    job
        What the output is a part of.

    Returns
    -------
    dict
        The shard's entry in the manifest.
    """
    planned = read_counts(shard).histogram
    with naming(shard.source):
        documents = scan_documents(shard.source, shard.columns)

    @contextmanager
    def start() -> Iterator[Start]:
        with naming(shard.source):
            shard.fingerprint.check()
            yield Start(plan.assigner(before, first_document), planned)
            shard.fingerprint.check()

    chunks = plan.cut(planned)
    figures = {
        "source": shard.fingerprint.path,
        "first_document": first_document,
        "documents": planned.n_documents,
        "rows": sum(each.n_chunks + each.n_unpacked for each in chunks),
    }
    described = plan.as_dict()
    described.pop("groups", None)  # those of all groups are in the file of the plan
    metadata = {**described, "job": job.name, "shard": figures}
    shard.output.parent.mkdir(parents=True, exist_ok=True)
    rows = assign_lazily(documents, start)
    write_parquet(rows, shard.output, metadata, overwrite=True, check=job.ticket.check)
    return {**figures, "bytes": shard.output.stat().st_size}
