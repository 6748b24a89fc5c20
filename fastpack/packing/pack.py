"""pack() and plan(): a table with a column of document lengths in, the packing out."""

from typing import Any, Unpack, overload

import polars as pl

from fastpack.documents.batches import (
    as_batch,
    as_documents,
    select_batch,
    select_documents,
)
from fastpack.documents.counter import count_batch, count_documents
from fastpack.documents.grouped_histogram import GroupedHistogram
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import DEFAULT_LENGTH, FrameLike, Keep, as_frame
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.packing.in_memory import pack_batch
from fastpack.packing.lazy import pack_lazily
from fastpack.packing.plan import PackingPlan


@overload
def pack(
    data: pl.LazyFrame,
    length: str | pl.Expr = ...,
    *,
    context_length: int,
    keep: Keep | None = ...,
    **rules: Unpack[PackingRules],
) -> pl.LazyFrame: ...


@overload
def pack(
    data: FrameLike,
    length: str | pl.Expr = ...,
    *,
    context_length: int,
    keep: Keep | None = ...,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame: ...


@refuse_unknown
def pack(
    data: Any,
    length: str | pl.Expr = DEFAULT_LENGTH,
    *,
    context_length: int,
    keep: Keep | None = None,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame | pl.LazyFrame:
    """Pack documents into training sequences of `context_length` tokens.

    Best-fit packing (Ding et al., ICML 2024, "Fewer Truncations Improve Language
    Modeling", section 3): only documents that do not fit a sequence are cut; the chunks
    then go, longest first, each into the sequence with the least space that is enough.

    Parameters
    ----------
    data
        One row a document: a pl.DataFrame or pl.LazyFrame, or anything with
        ``__arrow_c_stream__`` (PyArrow table, pandas frame, DuckDB relation ...); or
        the lengths themselves: a pl.Series, a 1-D NumPy array or a list of integers.
    length
        The column of document lengths in tokens, by name or as an expression, such as
        ``pl.col("input_ids").list.len()``. Integers of any width, none null or
        negative. Not used if `data` is the lengths.
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1, a power of two or not.
    keep
        Columns, by name or selector, that identify a document in the result, in place
        of its row index.
    **rules
        The rules of `PackingOptions`, by name:

        ================= ===========================================================
        `long_documents`  ``"split"`` documents longer than L less `extra_tokens` (the
                          default), ``"truncate"``, ``"drop"``, or raise an ``"error"``
        `max_documents`   at most so many chunks in a sequence
        `extra_tokens`    tokens that will be added to every chunk
        `align`           every chunk takes a multiple of this in its sequence
        `min_chunk`       shorter remainders of documents that are split are dropped
        `by`              columns in which the documents of a sequence do not differ
        `shuffle_seed`    number the sequences at random: `bin` is the training order
        `bins_multiple`   round up the number of sequences
        `block_documents` pack each block of so many documents by itself, in their order
        `strategy`        ``"optimal"`` searches for fewer sequences than by best-fit
        `optimality_gap`  the search ends so near to the least number, as a fraction
        `time_limit`      or after so many seconds
        ================= ===========================================================

    Returns
    -------
    polars.DataFrame or polars.LazyFrame
        The assignment table: one row a chunk, in document order. Lazy if `data` is:
        then nothing is read before it is collected or sunk, in two streaming passes
        over `data` that hold a batch at a time (see Notes on the order of its rows);
        with `block_documents` in one pass, which holds a block at a time.

        ============== ======= =====================================================
        `document`     Int64   row index of the document in `data`; or `keep`
        `chunk_start`  Int64   first token of the chunk within its document
        `chunk_length` Int32   tokens in the chunk
        `bin`          Int64   training sequence, 0 ... n_bins - 1
        `bin_offset`   Int32   first token of the chunk within its bin
        ============== ======= =====================================================

        An empty or dropped document has one row, with a chunk of 0 tokens and null in
        `bin` and `bin_offset`. Among documents of equal length, those that come first
        take the bins that come first in the plan: the same input gives the same
        table.

    Raises
    ------
    OptionError, OptionTypeError
        A parameter cannot be right, or `keep` takes a name that the table needs.
    DataError, DataTypeError
        A column is absent, lengths are null, negative or no integers, or, with
        ``long_documents="error"``, a document is longer than a chunk may be: L less
        `extra_tokens`.

    Notes
    -----
    A lazy frame need not give its rows in the same order twice: not behind a join, a
    `group_by` or a `unique` without ``maintain_order``, say. Nothing tells fastpack so.
    Then `document` numbers rows of an order that is gone, and another run gives another
    table, as valid as this one. To be safe, `keep` the columns that identify a
    document, which come from the same pass as its bin; or sink the frame to a file
    first, and pack that.

    Polars adds up an Int32 column in Int32, which a corpus overflows silently: cast
    first, ``pl.col("chunk_length").cast(pl.Int64).sum()``, or use `fastpack.plan`.

    See Also
    --------
    fastpack.plan : The figures of a packing, without the table.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"n_tokens": [8, 6, 6, 4, 3]})
    >>> fastpack.pack(documents, "n_tokens", context_length=8)
    shape: (5, 5)
    ┌──────────┬─────────────┬──────────────┬─────┬────────────┐
    │ document ┆ chunk_start ┆ chunk_length ┆ bin ┆ bin_offset │
    │ ---      ┆ ---         ┆ ---          ┆ --- ┆ ---        │
    │ i64      ┆ i64         ┆ i32          ┆ i64 ┆ i32        │
    ╞══════════╪═════════════╪══════════════╪═════╪════════════╡
    │ 0        ┆ 0           ┆ 8            ┆ 0   ┆ 0          │
    │ 1        ┆ 0           ┆ 6            ┆ 1   ┆ 0          │
    │ 2        ┆ 0           ┆ 6            ┆ 2   ┆ 0          │
    │ 3        ┆ 0           ┆ 4            ┆ 3   ┆ 0          │
    │ 4        ┆ 0           ┆ 3            ┆ 3   ┆ 4          │
    └──────────┴─────────────┴──────────────┴─────┴────────────┘
    """
    options = PackingOptions(context_length=context_length, **rules)
    if isinstance(data, pl.LazyFrame):
        documents = select_documents(data, length, keep, options.by_columns)
        return pack_lazily(documents, options)
    frame = as_frame(data)
    if isinstance(length, str) and length == DEFAULT_LENGTH:
        length = _name_of_lengths(data, frame)
    batch = select_batch(frame, length, keep, options.by_columns)
    return pack_batch(batch, options).table


@refuse_unknown
def plan(
    lengths: FrameLike | pl.LazyFrame | LengthHistogram | GroupedHistogram,
    length: str | pl.Expr | None = None,
    *,
    context_length: int,
    **rules: Unpack[PackingRules],
) -> PackingPlan:
    """Plan a packing without assigning it: the figures alone, in milliseconds.

    Parameters
    ----------
    lengths
        The documents as for `fastpack.pack`: one row a document, or the lengths alone.
        A pl.LazyFrame is read once, batch by batch. Or their `LengthHistogram` or
        `GroupedHistogram`, which can be planned again and again, for other context
        lengths.
    length
        The column of document lengths in tokens, by name or as an expression. None is
        the one column beside those of `by`; if there are several, `n_tokens`. Not used
        with a histogram.
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1.
    **rules
        As for `fastpack.pack`: see `PackingOptions`.

    Returns
    -------
    PackingPlan
        The packing of the histogram, with its figures.

    Raises
    ------
    OptionError, OptionTypeError
        A parameter cannot be right.
    DataError, DataTypeError
        `lengths` are no lengths, or cannot be packed by the rules.

    Examples
    --------
    >>> import fastpack
    >>> corpus = fastpack.LengthHistogram(lengths=[300, 900], counts=[6_000_000, 10**9])
    >>> for context_length in (1024, 2048, 4096):
    ...     plan = fastpack.plan(corpus, context_length=context_length)
    ...     print(context_length, plan.n_bins, round(plan.efficiency, 4))
    1024 1002000000 0.8789
    2048 501000000 0.8789
    4096 250000000 0.8807
    """
    options = PackingOptions(context_length=context_length, **rules)
    if isinstance(lengths, pl.LazyFrame):
        documents = as_documents(lengths, options.by_columns, length)
        lengths = count_documents(documents, options.block_documents)
    elif not isinstance(lengths, (LengthHistogram, GroupedHistogram)):
        batch = as_batch(lengths, options.by_columns, length)
        lengths = count_batch(batch, options.block_documents)
    return PackingPlan(lengths, options)


def _name_of_lengths(data: FrameLike, frame: pl.DataFrame) -> str:
    """Return the column of lengths if `length` was left out.

    Lengths themselves, not in a table, may have any name.
    """
    is_table = isinstance(data, pl.DataFrame) or frame.width != 1
    if is_table or hasattr(data, "columns") or hasattr(data, "schema"):
        return DEFAULT_LENGTH
    return frame.columns[0]
