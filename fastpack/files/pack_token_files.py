"""pack_token_files(): many files of tokens in, files of training sequences out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Unpack

from fastpack.documents.inputs import Keep
from fastpack.files.passes import ProgressCallback
from fastpack.files.reading import Selection
from fastpack.files.sources import find_sources
from fastpack.files.targets import check_target
from fastpack.files.token_account import TokenAccount
from fastpack.files.token_run import pack_token_blocks
from fastpack.files.token_sources import TokenSelection
from fastpack.files.token_work import BlockRules, Compression
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingRules
from fastpack.storage.location import StrPath
from fastpack.tokens.sequence_options import (
    Boundary,
    Columns,
    SequenceOptions,
    check_packing_options,
    check_sequence_options,
)


@refuse_unknown
def pack_token_files(
    sources: StrPath | Sequence[StrPath],
    target: StrPath,
    tokens: str = "input_ids",
    *,
    context_length: int,
    columns: Columns = (),
    keep: Keep | None = None,
    boundaries: Boundary | Sequence[Boundary] = ("seq_lengths",),
    pad_id: int | None = None,
    bos_id: int | None = None,
    eos_id: int | None = None,
    compression: str = "zstd",
    compression_level: int | None = None,
    source_format: str | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **rules: Unpack[PackingRules],
) -> TokenAccount:
    """Pack files of tokens, of any size, into files of training sequences.

    The corpus is cut into blocks of consecutive documents. Each block is packed by
    itself, in the memory of one worker, into a file of its own: the order of the corpus
    survives from block to block, and memory does not grow with it. The files are the
    same bytes for any number of workers.

    Parameters
    ----------
    sources
        Files, folders or globs of files with a column of token lists, read in the order
        of the list, as by `fastpack.pack_files`. Parquet is best, with row groups of 4
        to 24 M tokens: a larger one needs more memory, from 64 M on more time. Formats
        that say where each document lies, such as Megatron's, are read in any place;
        parts of an NDJSON file take the time to read all before them.
    target
        The folder of the sequences, or its URL; made if it is absent. A block gives,
        ``sequences-000000.parquet`` and so on, files with row groups of 4 M tokens.
    tokens, context_length, columns, keep, boundaries, pad_id, bos_id, eos_id
        As for `fastpack.pack_tokens`; `documents` holds row numbers over all sources.
        `keep` and `by` may name what folders hold, such as ``lang=en/``. All sources
        have the same types of these columns. Expressions are evaluated block by block.
    compression, compression_level
        Of the files, as ``polars.DataFrame.write_parquet`` takes them. They take most
        of the time: level 1 of ``zstd`` two thirds of its default, for 8 % more bytes.
    source_format, workers, executor, resume, overwrite, progress, storage_options
        As for `fastpack.pack_files`. A worker needs 350 MB, and some 7 bytes for each
        token of its block, if a token has 4 bytes.
    **rules
        The rules of `fastpack.pack` and `PackingOptions`, by name. Which documents are
        a block:

        With ``block_documents=N``, N documents each; the files hold the rows of
        `fastpack.pack_tokens` by the same rules.

        Without it, those of about 16 M tokens, cut by rows where row groups end: that
        depends on the sources alone. Each block leaves out the chunks of its emptiest
        sequences: of those below half full, and below 90 % while they hold at most 1 %
        of its tokens. They become one last block, whose sequences, in the last file,
        are of documents of the whole corpus. Blocks then cost 0 to 0.002 % sequences
        more than one plan for the whole corpus would have.

        `bins_multiple` holds for each block, and `by` and `shuffle_seed` number the
        sequences of each; with `bins_multiple` no chunks are left out. By
        ``strategy="optimal"`` each worker searches for the plan of its block, and at
        last one search over the whole corpus gives the bound in the account.

    Returns
    -------
    TokenAccount
        The figures of all blocks. ``_fastpack/`` in `target` holds them too, in
        ``account.json``; beside it ``manifest.jsonl`` lists the complete files, and
        ``plan.parquet`` is the one plan that the whole corpus would have.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A parameter cannot be right, or names no file.
    DataError, DataTypeError
        A source cannot be packed, its columns are of other types than those of the
        first, it changed in between, or a block has more than 2**31 - 1 tokens. The
        message names the source, and the row. Complete files are kept.
    OutputExistsError
        `target` holds other Parquet files, or an earlier run of other sources, options
        or version; or another run is writing to it.
    OSError
        A file cannot be written; complete files are kept.
    EngineError
        `executor` lost a worker; complete files are kept.

    See Also
    --------
    fastpack.pack_tokens : The same for a table in memory.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"input_ids": [[1, 2, 3, 4, 5, 6], [7, 8], [9]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus, target = pathlib.Path(folder, "corpus"), pathlib.Path(folder, "out")
    ...     corpus.mkdir()
    ...     documents[:2].write_parquet(corpus / "1.parquet")
    ...     documents[2:].write_parquet(corpus / "2.parquet")
    ...     account = fastpack.pack_token_files(corpus, target, context_length=4)
    ...     sequences = pl.read_parquet(target / "*.parquet")
    >>> sequences
    shape: (3, 3)
    ┌─────────────┬───────────┬─────────────┐
    │ input_ids   ┆ documents ┆ seq_lengths │
    │ ---         ┆ ---       ┆ ---         │
    │ list[i64]   ┆ list[i64] ┆ list[i32]   │
    ╞═════════════╪═══════════╪═════════════╡
    │ [1, 2, … 4] ┆ [0]       ┆ [4]         │
    │ [5, 6, … 8] ┆ [0, 1]    ┆ [2, 2]      │
    │ [9]         ┆ [2]       ┆ [1]         │
    └─────────────┴───────────┴─────────────┘
    >>> account.n_bins, account.padding, account.bins_added_by_blocks
    (3, 3, 0)
    """
    sequences = check_sequence_options(
        tokens, columns, keep, boundaries, pad_id=pad_id, bos_id=bos_id, eos_id=eos_id
    )
    compressed = Compression(compression, compression_level)
    output = check_target(target, storage_options)
    return pack_token_blocks(
        find_sources(sources, output, source_format, storage_options),
        output,
        block_rules(sequences, context_length, rules, compressed, source_format),
        workers=workers,
        executor=executor,
        resume=resume,
        overwrite=overwrite,
        on_progress=progress,
    )


def block_rules(
    sequences: SequenceOptions,
    context_length: int,
    rules: PackingRules,
    compression: Compression,
    source_format: str | None = None,
) -> BlockRules:
    """Return all that the outputs depend on, validated."""
    options = check_packing_options(context_length, rules, sequences)
    compression.check()
    documents = Selection(
        sequences.tokens,
        sequences.keep,
        token_lists=True,
        by=options.by_columns,
        source_format=source_format,
    )
    return BlockRules(TokenSelection(sequences, documents), options, compression)
