"""verify_tokens(): whether sequences hold every token of every document, once."""

import os
from typing import Any, Unpack, get_args

import polars as pl
import polars.selectors as cs

from fastpack.documents.inputs import FrameLike, Keep, as_list, check_names
from fastpack.errors import DataTypeError, VerificationError
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.tokens.columns import check_dtype
from fastpack.tokens.selection import select_documents
from fastpack.tokens.sequence_options import (
    Boundary,
    Columns,
    SequenceOptions,
    check_packing_options,
    check_sequence_options,
)
from fastpack.tokens.verification.expected import ExpectedChunks
from fastpack.tokens.verification.found import FoundChunks
from fastpack.tokens.verification.hashes import ChunkHasher
from fastpack.tokens.verification.layouts import LayoutReader
from fastpack.tokens.verification.names import ChunkNames
from fastpack.tokens.verification.second_look import compare_chunks
from fastpack.tokens.verification.tables import scan_table


@refuse_unknown
def verify_tokens(
    sequences: FrameLike | pl.LazyFrame | str | os.PathLike[str],
    documents: FrameLike | pl.LazyFrame | str | os.PathLike[str],
    tokens: str = "input_ids",
    *,
    context_length: int,
    columns: Columns = (),
    keep: Keep | None = None,
    pad_id: int | None = None,
    bos_id: int | None = None,
    eos_id: int | None = None,
    **rules: Unpack[PackingRules],
) -> dict[str, Any]:
    """Check that sequences hold every token of every document, once, in order.

    Each document is cut by the rules. Its chunks have to be in sequences, each once,
    with all their tokens in order, with `bos_id` and `eos_id` in their places, and the
    columns in lockstep with them. No sequence is longer than L, all its boundaries
    agree, and behind its last chunk there is only padding.

    Parameters
    ----------
    sequences
        The sequences of `fastpack.pack_tokens`, or of another packer: a row each, as a
        pl.DataFrame or pl.LazyFrame or any table with ``__arrow_c_stream__``; or the
        path of a Parquet file, or of a folder or a glob of them. A column of boundaries
        says where the chunks are: `seq_lengths`, `segment_ids` or `cu_seqlens`, or,
        without padding, `position_ids` or `seq_start_id`.
    documents
        The documents that were packed, in their order: likewise, a row each. `keep` and
        `by` may name what the folders of a path hold, such as ``lang=en/``. Other files
        than Parquet go in as tables, such as ``pl.scan_ndjson(...)``.
    tokens
        The column of tokens, in both.
    context_length, columns, keep, pad_id, bos_id, eos_id, **rules
        The options that the sequences were packed with: see `fastpack.pack_tokens`.

    Returns
    -------
    dict
        The figures: `n_documents`, `n_tokens` (of documents), `n_bins` (sequences),
        `n_chunks`, `packed`, `extra`, `alignment` and `padding` (tokens), `efficiency`,
        `chunks_per_bin_max`, `bins_not_full`; and `unchecked`, a list of what was not
        checked, in words: columns that both tables have, and that are not asked for,
        too.

    Raises
    ------
    VerificationError
        The sequences are not those of the documents; the message says which sequence or
        document is the first that is wrong.
    DataError, DataTypeError
        A column is absent or of a type that it cannot be; lists or values are null.
    OptionError, OptionTypeError
        A parameter cannot be right.

    See Also
    --------
    fastpack.verify : The same for the table that says where chunks go.

    Notes
    -----
    Both tables are read once, as streams. Chunks are compared by sums of hashes with
    random keys, of 128 bits, in 65,536 buckets of documents; a difference is missed
    with a chance of 2**-64 or less. If there is one, both are read again, to find its
    place. It takes 1 ns a token beside reading.

    Not looked at, because any packer may differ there: which chunks are in which
    sequence, in which order, and whether fewer sequences would do. A column `documents`
    has the row numbers of documents, and `chunk_starts` the first token of each chunk;
    without the latter, equal chunks of a document may be in each other's place.

    Memory: that of reading the tables, in batches of 4,096 documents or 2 M tokens of
    sequences, however many there are; some 500 MB from Parquet.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"input_ids": [[1, 2, 3], [4, 5], [6, 7, 8, 9, 10]]})
    >>> sequences = fastpack.pack_tokens(documents, context_length=5)
    >>> figures = fastpack.verify_tokens(sequences, documents, context_length=5)
    >>> figures["n_bins"], figures["packed"], figures["unchecked"]
    (2, 10, [])
    >>> fastpack.verify_tokens(  # doctest: +ELLIPSIS
    ...     sequences[:1], documents, context_length=5
    ... )
    Traceback (most recent call last):
    ...
    fastpack.errors.VerificationError: document 0 ...
    """
    sequence_options = check_sequence_options(
        tokens, columns, keep, (), pad_id=pad_id, bos_id=bos_id, eos_id=eos_id
    )
    options = check_packing_options(context_length, rules, sequence_options)
    labels = [*options.by_columns]
    if keep is not None:
        labels += [name for name in as_list(keep) if isinstance(name, str)]
    packed = scan_table(documents, "documents", labels)
    selected = select_documents(packed, sequence_options, options.by_columns)
    table = scan_table(sequences, "sequences")
    figures = verify_sequences(table, selected, sequence_options, options)
    names = selected.collect_schema().names()
    others = set(packed.collect_schema().names()).difference(
        names, get_args(Boundary), ["documents"]
    )
    if both := [name for name in table.collect_schema().names() if name in others]:
        text = f"columns that were not asked for: {', '.join(map(repr, both))}"
        figures["unchecked"].append(text)
    return figures


def verify_sequences(
    sequences: pl.LazyFrame,
    documents: pl.LazyFrame,
    sequence_options: SequenceOptions,
    options: PackingOptions,
) -> dict[str, Any]:
    """Verify sequences: see `verify_tokens`.

    The documents have the columns that `fastpack.tokens.selection` selects.
    """
    documents = documents.select(~cs.starts_with("\0"))  # groups are not looked at
    schema = sequences.collect_schema()
    _check_schema(schema, documents.collect_schema(), sequence_options)
    kept = None
    if sequence_options.keep is not None:
        lists = sequence_options.tokens, *sequence_options.columns
        kept = pl.DataFrame(schema=documents.drop(lists).collect_schema())
    is_padded = sequence_options.pad_id is not None
    layouts = LayoutReader(schema.names(), options, is_padded=is_padded)
    names = ChunkNames(schema, kept, options)
    hasher = ChunkHasher(
        with_starts="chunk_starts" in schema, with_lengths=layouts.knows_lengths
    )
    expected = ExpectedChunks(documents, sequence_options, options, names, hasher)
    found = FoundChunks(
        sequences,
        sequence_options,
        options,
        layouts=layouts,
        names=names,
        hasher=hasher,
    )
    compare_chunks(expected, found, is_numbered=names.is_numbered)
    if found.n_sequences % options.bins_multiple:
        msg = (
            f"the number of sequences, {found.n_sequences:,}, is no multiple of "
            f"`bins_multiple` {options.bins_multiple:,}"
        )
        raise VerificationError(msg)
    return _figures(expected, found, options, _unchecked(names, options))


def _figures(
    expected: ExpectedChunks,
    found: FoundChunks,
    options: PackingOptions,
    unchecked: list[str],
) -> dict[str, Any]:
    extra = found.n_chunks * options.extra_tokens
    capacity = found.n_sequences * options.context_length
    return {
        "n_documents": expected.n_documents,
        "n_tokens": expected.n_tokens,
        "n_bins": found.n_sequences,
        "n_chunks": found.n_chunks,
        "packed": expected.packed,
        "extra": extra,
        "alignment": found.used - expected.packed - extra,
        "padding": capacity - found.used,
        "efficiency": expected.packed / capacity if capacity else 1.0,
        "chunks_per_bin_max": found.chunks_max,
        "bins_not_full": found.not_full,
        "unchecked": unchecked,
    }


def _unchecked(names: ChunkNames, options: PackingOptions) -> list[str]:
    """Say what could not be checked, because the sequences do not say it."""
    unchecked = []
    if not names.is_known:
        unchecked.append("documents of chunks: the sequences do not name them")
    if options.by_columns and not names.shows_groups:
        columns = ", ".join(map(repr, options.by_columns))
        unchecked.append(f"groups: the sequences do not hold {columns}")
    if options.block_documents is not None and not names.is_numbered:
        unchecked.append("blocks: the sequences do not number their documents")
    if options.by_columns or options.shuffle_seed is not None:
        unchecked.append("order of the sequences")
    return unchecked


def _check_schema(
    sequences: pl.Schema, documents: pl.Schema, sequence_options: SequenceOptions
) -> None:
    """Refuse sequences without the columns of tokens, or with others than documents."""
    tokens = sequence_options.tokens
    names = [tokens, *sequence_options.columns]
    check_names(sequences.names(), "sequences", names)
    for name in names:
        found = check_dtype(name, sequences[name], only_integers=name == tokens)
        packed = check_dtype(name, documents[name])
        # Integers of any width are compared by their values, all else bit by bit.
        if found != packed and not (found.is_integer() and packed.is_integer()):
            msg = (
                f"`{name}` holds {found} in the sequences, and {packed} in the "
                "documents\nHint: pass the documents that were packed."
            )
            raise DataTypeError(msg)
