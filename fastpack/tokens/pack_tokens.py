"""pack_tokens(): documents with their tokens in, training sequences out."""

from collections.abc import Sequence
from typing import Any, Unpack, overload

import polars as pl

from fastpack.documents.inputs import FrameLike, Keep
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingRules
from fastpack.tokens.block import pack_block
from fastpack.tokens.lazy import pack_tokens_lazily
from fastpack.tokens.selection import as_token_table, select_documents
from fastpack.tokens.sequence_options import (
    Boundary,
    Columns,
    check_packing_options,
    check_sequence_options,
)


@overload
def pack_tokens(
    data: pl.LazyFrame,
    tokens: str = ...,
    *,
    context_length: int,
    columns: Columns = ...,
    keep: Keep | None = ...,
    boundaries: Boundary | Sequence[Boundary] = ...,
    pad_id: int | None = ...,
    bos_id: int | None = ...,
    eos_id: int | None = ...,
    **rules: Unpack[PackingRules],
) -> pl.LazyFrame: ...


@overload
def pack_tokens(
    data: FrameLike,
    tokens: str = ...,
    *,
    context_length: int,
    columns: Columns = ...,
    keep: Keep | None = ...,
    boundaries: Boundary | Sequence[Boundary] = ...,
    pad_id: int | None = ...,
    bos_id: int | None = ...,
    eos_id: int | None = ...,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame: ...


@refuse_unknown
def pack_tokens(
    data: Any,
    tokens: str = "input_ids",
    *,
    context_length: int,
    columns: Columns = (),
    keep: Keep | None = None,
    boundaries: Boundary | Sequence[Boundary] = ("seq_lengths",),
    pad_id: int | None = None,
    bos_id: int | None = None,
    eos_id: int | None = None,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame | pl.LazyFrame:
    """Pack documents into training sequences, tokens and all.

    `fastpack.pack` says where each chunk goes; this moves it there. The packing is the
    same, by the same rules: sequence b holds the chunks of `bin` b, one after the other
    by their `bin_offset`. No token is copied except to its place.

    Parameters
    ----------
    data
        One row a document: a pl.DataFrame or pl.LazyFrame, or anything with
        ``__arrow_c_stream__`` (PyArrow table, pandas frame, DuckDB relation ...).
    tokens
        The column of token ids: lists, or arrays of a fixed size, of integers of 8 to
        64 bits, whose dtype stays. No list and no token is null.
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1.
    columns
        Columns that have a value for each token, such as ``["labels", "loss_mask"]``:
        lists of integers, floats or booleans, which go where their tokens go. In places
        of padding and of tokens that are added they have a pad value: that of the
        mapping, as ``{"labels": -100, "loss_mask": 0}``, or 0, and -100 for `labels`.
    keep
        Columns, by name or selector, that identify a document, in place of its row
        number.
    boundaries
        The columns that say where the chunks of a sequence lie, by name:

        ============== =============================================================
        `seq_lengths`  the tokens of each chunk, with those added (TRL)
        `cu_seqlens`   where each chunk starts, and the last one ends (flash-attn,
                       Megatron)
        `seq_start_id` where each chunk starts (NeMo)
        `chunk_starts` the first token of each chunk in its document (Int64)
        `position_ids` for each token, its position in its chunk, from 0; 0 behind
                       the last chunk
        `segment_ids`  for each token, the number of its chunk in the sequence, from
                       1; 0 for padding (Grain, MaxText)
        ============== =============================================================

        They are lists of Int32. With the rule `align`, `seq_lengths` do not say where
        chunks start: ask for `cu_seqlens`. `position_ids` and `segment_ids` have the
        form of the tokens and take as much memory; most collators make them of the
        others. TRL's collator for `padding_free` takes sequences without `pad_id` and
        `align`.
    pad_id
        Fill each sequence up to L with this token: all columns with a value for each
        token become Arrays of L. None leaves lists as long as what is in them.
    bos_id, eos_id
        Tokens to add before and behind each chunk. They set `extra_tokens`; a document
        of L tokens is then cut.
    **rules
        The rules of `fastpack.pack` and `PackingOptions`, by name. `align` leaves gaps
        behind chunks: they are filled with `pad_id`, which it needs; `seq_lengths` do
        not count them, `position_ids` count on in them, and the chunk before them in
        `cu_seqlens` ends behind them.

    Returns
    -------
    polars.DataFrame or polars.LazyFrame
        One row a sequence, in the order of bins: the column `tokens`, `columns`,
        `documents` (the row number in `data` of each chunk's document: List(Int64)) or
        the columns of `keep` as lists, and `boundaries`, in the order asked for. Empty
        and dropped documents are in no sequence.

        Lazy if `data` is: nothing is read before the result is collected or sunk. With
        the rule `block_documents`, that is one streaming pass, with a block and its
        sequences in memory at a time. Without it, all of `data` is in memory at once.

    Raises
    ------
    OptionError, OptionTypeError
        A parameter cannot be right, or two columns of the result would have one name.
    DataError, DataTypeError
        A column is absent or of the wrong type, a list or a value is null, a column in
        `columns` has more or fewer values than tokens, or the rules refuse a document.

    Notes
    -----
    Polars writes Parquet in row groups of 262,144 rows, which are 2 GB of sequences at
    L = 2048, held in memory until they are written and loaded at once by readers: pass
    ``row_group_size=2000``, say, to `sink_parquet` or `write_parquet`.

    See Also
    --------
    fastpack.pack : Where each chunk goes, if the tokens are to stay where they are.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"input_ids": [[1, 2, 3, 4], [5, 6], [7]]})
    >>> fastpack.pack_tokens(documents, context_length=3)
    shape: (3, 3)
    ┌───────────┬───────────┬─────────────┐
    │ input_ids ┆ documents ┆ seq_lengths │
    │ ---       ┆ ---       ┆ ---         │
    │ list[i64] ┆ list[i64] ┆ list[i32]   │
    ╞═══════════╪═══════════╪═════════════╡
    │ [1, 2, 3] ┆ [0]       ┆ [3]         │
    │ [5, 6, 4] ┆ [1, 0]    ┆ [2, 1]      │
    │ [7]       ┆ [2]       ┆ [1]         │
    └───────────┴───────────┴─────────────┘
    """
    sequence_options = check_sequence_options(
        tokens, columns, keep, boundaries, pad_id=pad_id, bos_id=bos_id, eos_id=eos_id
    )
    packing_options = check_packing_options(context_length, rules, sequence_options)
    by = packing_options.by_columns
    table = as_token_table(data, "data")
    if isinstance(table, pl.LazyFrame):
        lazy = select_documents(table, sequence_options, by)
        return pack_tokens_lazily(lazy, sequence_options, packing_options)
    documents = select_documents(table, sequence_options, by)
    return pack_block(documents, sequence_options, packing_options).sequences
