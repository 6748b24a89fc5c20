"""pack_files(): many files in, many files out, through an executor; resumable."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Unpack

import polars as pl

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.inputs import DEFAULT_LENGTH, Keep
from fastpack.files.manifest import Manifest
from fastpack.files.other_files import refuse_other_files
from fastpack.files.passes import (
    ProgressCallback,
    assign_shards,
    count_shards,
    number_shards,
)
from fastpack.files.planning import plan_files
from fastpack.files.reading import Selection
from fastpack.files.run import (
    check_progress,
    earlier_plan,
    finish,
    open_executor,
    take_over,
    write_plan_of,
)
from fastpack.files.shard import Shard
from fastpack.files.sources import find_sources
from fastpack.files.targets import changed_error, check_target, name_shards
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.packing.plan import PackingPlan
from fastpack.storage.access import remove
from fastpack.storage.location import Location, StrPath
from fastpack.version import __version__


@refuse_unknown
def pack_files(
    sources: StrPath | Sequence[StrPath],
    target: StrPath,
    length: str | pl.Expr = DEFAULT_LENGTH,
    *,
    context_length: int,
    keep: Keep | None = None,
    source_format: str | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **rules: Unpack[PackingRules],
) -> PackingPlan:
    """Pack a corpus of many files, of any size; write an assignment file for each.

    Two passes over the sources: count all lengths and plan, then assign. Memory does
    not grow with the corpus. The rows are those of `fastpack.pack` for the whole, and
    the files are the same bytes for any number of workers.

    With `block_documents`, the rows of all sources are counted first, for which the
    lines of CSV and NDJSON files are read. A block may go on from file to file. Memory
    then grows by some 50 bytes for each distinct length of each block; by
    ``strategy="optimal"``, for each run of each block. The workers search, a block
    each.

    Parameters
    ----------
    sources
        Files, folders or globs of Parquet, Arrow IPC, CSV or NDJSON files, the last two
        also compressed: ``.csv.gz``, ``.jsonl.zst``; or of the formats of tokens that
        ``fastpack formats`` lists, such as Megatron's ``.idx``, whose lengths are the
        column `n_tokens`. They are read in the order of the list, the files of a folder
        or a glob in the plain order of their paths, as Polars reads them: part-10
        before part-2. Links are followed; what cannot be reached is refused. Or
        URLs of an object store: ``s3://``, ``gs://``, ``az://``, and
        ``hf://datasets/...``, of tables.
    target
        The folder for the assignments; made if it is absent. ``part-1.jsonl`` becomes
        ``part-1.parquet``; sources of several folders keep these. Or the URL of a
        folder in an object store: each output then appears when it is complete, and
        takes its size on a disk of the worker in the meantime. The run that holds the
        target renews its lock; after a run that was killed, the next one waits for 30
        seconds.
    length, context_length, keep, **rules
        As for `fastpack.pack`. `document` is the row index over all sources: less
        `first_document`, which the manifest has for each output, it is the row in its
        source. `keep` and `by` may name what folders hold, such as ``lang=en/``.
        Expressions are evaluated file by file, and batch by batch.
    source_format
        The format of all sources, by its name, with settings if it has any:
        ``"flat:dtype=uint16,end=50256"``. None finds that of each, by its suffix and
        its first bytes.
    workers
        The number of threads; None is one for each processor. The kernels do not hold
        the GIL.
    executor
        In place of threads, any `concurrent.futures.Executor`, which stays open: its
        workers read `sources` and write to `target`. `fastpack.engines` has those of
        processes, Dask and Ray. Processes must be spawned: Polars hangs after a fork,
        so an executor that forks is refused.
    resume
        Whether to go on with an earlier run in `target`: complete shards are kept, if
        their files still have the checksums in the manifest; damaged ones are written
        again.
    overwrite
        Whether to start anew if `target` holds assignments already. They are removed
        after all sources are counted.
    progress
        Called with a `PackingProgress` at the start of a pass and after each shard, in
        the thread of the caller.
    storage_options
        The options of the object store of URLs, as Polars takes them: ``aws_region``,
        ``aws_endpoint_url`` ... Workers get them; the target does not hold them. Those
        that are absent come from the environment of each process.

    Returns
    -------
    PackingPlan
        The packing of the whole corpus. The file ``_fastpack/plan.parquet`` in `target`
        holds it too (see `PackingPlan.load`); beside it, ``manifest.jsonl`` lists the
        complete shards.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A parameter cannot be right, or names no file.
    DataError, DataTypeError
        A source cannot be packed, or changed between the passes; the message names it.
        Complete shards are kept; if the first pass failed, nothing is assigned yet.
    OutputExistsError
        `target` holds other Parquet files, or an earlier run of other sources, options
        or version; or another run is writing to it.
    OSError
        A file cannot be written; complete shards are kept. StorageError: an object
        store does not answer for three minutes, or refuses.
    EngineError
        `executor` lost a worker; complete shards are kept.
    MissingExtraError
        A URL needs the extra ``cloud``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import polars as pl
    >>> import fastpack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus, target = pathlib.Path(folder, "corpus"), pathlib.Path(folder, "out")
    ...     corpus.mkdir()
    ...     pl.DataFrame({"n_tokens": [8, 6, 6]}).write_parquet(corpus / "1.parquet")
    ...     pl.DataFrame({"n_tokens": [4, 3]}).write_parquet(corpus / "2.parquet")
    ...     plan = fastpack.pack_files(corpus, target, context_length=8)
    ...     assignment = pl.read_parquet(target / "*.parquet")
    >>> plan.n_bins, assignment["bin"].to_list()
    (4, [0, 1, 2, 3, 3])
    """
    options = PackingOptions(context_length=context_length, **rules)
    output = check_target(target, storage_options)
    return pack_shards(
        find_sources(sources, output, source_format, storage_options),
        output,
        Selection(length, keep, by=options.by_columns, source_format=source_format),
        options,
        workers=workers,
        executor=executor,
        resume=resume,
        overwrite=overwrite,
        on_progress=progress,
    )


def pack_shards(
    paths: Sequence[Location],
    target: Location,
    columns: Selection,
    options: PackingOptions,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    on_progress: ProgressCallback | None = None,
) -> PackingPlan:
    """Pack files that were found: see `pack_files`."""
    opened = open_executor(executor, workers)
    on_progress = check_progress(on_progress)
    manifest = Manifest(target)
    columns = columns.of_sources(paths)
    shards = name_shards(paths, columns, manifest)
    job = {
        "version": __version__,
        "columns": columns.as_dict(),
        "options": options.as_dict(),
        "sources": [shard.fingerprint.as_dict() for shard in shards],
        "outputs": [shard.name for shard in shards],
    }
    manifest.read()
    refuse_other_files(manifest, {shard.name for shard in shards}.__contains__)
    with manifest.locked(), opened as entered:
        manifest.read()
        replaced = take_over(
            manifest, shards, job, entered, resume=resume, overwrite=overwrite
        )
        run = _Run(shards, options, job, manifest, entered, on_progress)
        plan = run.begin_or_go_on(replaced)
        finish(manifest, shards)
    return plan


class _Run(NamedTuple):
    """A run that holds its target, and has read the manifest there.

    It begins, or goes on with an earlier run of the same job, or finds that all is done
    already. Each way leaves all shards complete, and returns the plan.
    """

    shards: Sequence[Shard]
    options: PackingOptions
    job: dict[str, Any]
    manifest: Manifest
    executor: Executor
    on_progress: ProgressCallback

    def begin_or_go_on(self, replaced: Sequence[Location]) -> PackingPlan:
        """Do the rest of an earlier run of the same job, or begin if there is none."""
        earlier = earlier_plan(self.manifest, self.job)
        if earlier is None:
            return self._begin(replaced)
        if len(self.manifest.complete) < len(self.shards):
            return self._go_on(earlier)
        return earlier  # done already

    def _begin(self, replaced: Sequence[Location]) -> PackingPlan:
        """Count, remove the files that are replaced, write the plan, assign."""
        shards, histogram = self._count()
        plan = plan_files(self.executor, histogram, self.options, self.on_progress)
        remove(replaced)
        if self.options.strategy == "optimal":
            # What an earlier run wrote is of a plan that is lost: a search whose time
            # was up ends another way.
            self.manifest.complete = {}
        write_plan_of(self.manifest, plan, self.job)
        return self._assign(shards, plan)

    def _go_on(self, earlier: PackingPlan) -> PackingPlan:
        """Count, compare with the plan of the earlier run, assign what is left."""
        shards, histogram = self._count()
        if histogram != earlier.histogram:
            raise changed_error(self.manifest.target, ["the lengths in the sources"])
        return self._assign(shards, earlier)

    def _count(self) -> tuple[Sequence[Shard], Histogram]:
        """Return the shards, numbered if need be, and the documents of all."""
        block_documents = self.options.block_documents
        shards = number_shards(self.executor, self.shards, block_documents)
        return shards, count_shards(self.executor, shards, self.on_progress)

    def _assign(self, shards: Sequence[Shard], plan: PackingPlan) -> PackingPlan:
        self.manifest.begin(self.job)
        assign_shards(self.executor, shards, plan, self.manifest, self.on_progress)
        return plan
