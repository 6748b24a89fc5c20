"""pack(): a table with a column of document lengths in, the assignment table out."""

import os
from typing import Any, overload

import polars as pl

from fastpack.assigning import ROW_BYTES
from fastpack.errors import DataError
from fastpack.histogram import count_lengths
from fastpack.inputs import (
    DEFAULT_LENGTH,
    FrameLike,
    Keep,
    as_frame,
    select_kept,
    select_lengths,
)
from fastpack.options import LongDocuments, PackingOptions
from fastpack.planning import PackingPlan
from fastpack.streaming import pack_lazily, select_documents


@overload
def pack(
    data: pl.LazyFrame,
    length: str | pl.Expr = ...,
    *,
    context_length: int,
    keep: Keep | None = ...,
    long_documents: LongDocuments = ...,
) -> pl.LazyFrame: ...


@overload
def pack(
    data: FrameLike,
    length: str | pl.Expr = ...,
    *,
    context_length: int,
    keep: Keep | None = ...,
    long_documents: LongDocuments = ...,
) -> pl.DataFrame: ...


def pack(
    data: Any,
    length: str | pl.Expr = DEFAULT_LENGTH,
    *,
    context_length: int,
    keep: Keep | None = None,
    long_documents: LongDocuments = "split",
) -> pl.DataFrame | pl.LazyFrame:
    """Pack documents into training sequences of `context_length` tokens.

    Best-fit packing (Ding et al., ICML 2024, "Fewer Truncations Improve Language
    Modeling", section 3): only documents longer than a sequence are cut; the chunks
    then go, longest first, each into the sequence with the least space that is enough.

    Parameters
    ----------
    data
        One row a document: a pl.DataFrame or pl.LazyFrame, or anything with
        ``__arrow_c_stream__`` (PyArrow table, pandas frame, DuckDB relation ...); or
        the lengths themselves, as a pl.Series or a 1-D NumPy array of integers.
    length
        The column of document lengths in tokens, by name or as an expression, such as
        ``pl.col("input_ids").list.len()``. Integers of any width, none null or
        negative. Lengths that are handed over themselves need none.
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1, a power of two or not.
    keep
        Columns, by name or selector, that identify a document in the result, in place
        of its row index.
    long_documents
        What is done with a document longer than L: ``"split"`` it into chunks of L
        tokens and a remainder, ``"truncate"`` it to its first L tokens, ``"drop"`` it
        whole, or raise an ``"error"``.

    Returns
    -------
    polars.DataFrame or polars.LazyFrame
        The assignment table: one row a chunk, in document order. Lazy where `data` is:
        then nothing is read before it is collected or sunk, in two streaming passes
        over `data` that hold a batch at a time.

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
        ``long_documents="error"``, a document is longer than L.

    Notes
    -----
    Polars adds up an Int32 column in Int32, which a corpus overflows without a word:
    cast first, ``pl.col("chunk_length").cast(pl.Int64).sum()``, or use `fastpack.plan`.

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
    options = PackingOptions(
        context_length=context_length, long_documents=long_documents
    )
    if isinstance(data, pl.LazyFrame):
        return pack_lazily(select_documents(data, length, keep), options)
    frame = as_frame(data)
    if isinstance(length, str) and length == DEFAULT_LENGTH:
        length = _name_of_lengths(data, frame)
    lengths = select_lengths(frame, length)
    kept = None if keep is None else select_kept(frame, keep)
    return pack_columns(lengths, kept, options)[0]


def pack_columns(
    lengths: pl.Series, kept: pl.DataFrame | None, options: PackingOptions
) -> tuple[pl.DataFrame, PackingPlan]:
    """Pack checked columns; `kept` stands in place of `document`."""
    plan = PackingPlan(count_lengths(lengths), options)
    _check_memory(plan)
    return plan.assigner().table(lengths, kept), plan


def _check_memory(plan: PackingPlan) -> None:
    """Refuse a table that this machine cannot hold, before it is begun.

    One wrong length, 2**62 tokens say, makes more rows than there is memory for, and
    the system would end the process without a word.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not known on this system
        return
    n_bytes = plan.n_rows * ROW_BYTES
    if n_bytes > memory:
        longest = int(plan.histogram.lengths[-1])
        msg = (
            f"the assignment would have {plan.n_rows:,} rows, {n_bytes / 1e9:,.0f} GB: "
            "more than this machine's memory\n"
            f"Hint: the longest document has {longest:,} tokens, `context_length` is "
            f"{plan.options.context_length:,}; are both right?"
        )
        raise DataError(msg)


def _name_of_lengths(data: FrameLike, frame: pl.DataFrame) -> str:
    """Return the column to use where `length` was left out.

    Lengths that were handed over themselves, not in a table, may have any name.
    """
    is_table = isinstance(data, pl.DataFrame) or frame.width != 1
    if is_table or hasattr(data, "columns") or hasattr(data, "schema"):
        return DEFAULT_LENGTH
    return frame.columns[0]
