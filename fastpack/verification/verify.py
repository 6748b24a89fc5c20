"""verify(): whether an assignment is a valid packing, by looking at every row of it."""

from typing import Any, Unpack

import numpy as np
import polars as pl

from fastpack import kernels
from fastpack.documents.batches import Documents, as_documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import FrameLike, as_frame
from fastpack.documents.length_table import LengthTable
from fastpack.documents.sums import merge_counts
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions, PackingRules
from fastpack.verification.bins import BinCheck
from fastpack.verification.expected import packed_tokens
from fastpack.verification.rows import RowCheck, check_columns


def verify(
    assignment: FrameLike | pl.LazyFrame,
    lengths: FrameLike | pl.LazyFrame | None = None,
    *,
    context_length: int,
    **rules: Unpack[PackingRules],
) -> dict[str, Any]:
    """Check that an assignment is a valid packing, row by row and bin by bin.

    Every document is there once, with its chunks in order, without gap or overlap; each
    bin, 0 ... n_bins - 1, is filled from its start on without a hole, and neither it
    nor a chunk breaks a rule. With `lengths`, each document is packed as the rules say.

    Parameters
    ----------
    assignment
        The table that `fastpack.pack` gives; lazy frames are read batch by batch.
    lengths
        The lengths of the documents, in their order: one column, and the columns of the
        rule `by` if the assignment does not have them.
    context_length, **rules
        The rules by which it was packed: see `PackingOptions`.

    Returns
    -------
    dict
        What was seen: `n_documents`, `n_rows`, `n_chunks`, `n_bins`, `packed`, `extra`,
        `alignment` and `padding` (tokens), `efficiency`, `chunks_per_bin_max`,
        `bins_not_full`, `lengths_checked`, `groups_checked`.

    Raises
    ------
    VerificationError
        The assignment is no such packing; the message shows the first rows that are
        wrong.
    DataError, OptionError, OptionTypeError
        A column is absent, or a parameter cannot be right.

    Notes
    -----
    Memory: a batch, and 16 bytes a bin (20 with groups). Above 32 M bins it takes
    further passes over the rows.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"n_tokens": [8, 6, 6, 4, 3]})
    >>> assignment = fastpack.pack(documents, context_length=8)
    >>> figures = fastpack.verify(assignment, documents, context_length=8)
    >>> figures["n_bins"], figures["padding"]
    (4, 5)
    >>> moved = assignment.with_columns(bin_offset=0)
    >>> fastpack.verify(moved, context_length=8)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    fastpack.errors.VerificationError: bin 3 is not filled from its start on: ...
    """
    options = PackingOptions(context_length=context_length, **rules)
    table = _as_lazy(assignment, "assignment")
    documents = None
    if lengths is not None:
        frame = _as_lazy(lengths, "lengths")
        names = frame.collect_schema().names()
        by = [name for name in options.by_columns if name in names]
        documents = as_documents(frame, by)
    return verify_table(table, options, documents=documents)


def verify_table(
    table: pl.LazyFrame,
    options: PackingOptions,
    *,
    documents: Documents | None = None,
    planned: Histogram | None = None,
) -> dict[str, Any]:
    """Verify an assignment: see `verify`.

    `planned` are the documents that it was planned for: their lengths have to be those
    of the documents here, in any order.
    """
    check_columns(table.collect_schema())
    last_bin = table.select(pl.col("bin").max()).collect().item()
    n_bins = 0 if last_bin is None else max(last_bin + 1, 0)
    totals = np.zeros(1, kernels.verification.TOTALS)[0]
    for first_bin in range(0, max(n_bins, 1), BinCheck.AT_A_TIME):
        # Each pass sees the same documents: only the first one counts their lengths.
        lengths = None
        if planned is not None and first_bin == 0:
            lengths = LengthTable()
        row_check = RowCheck(table, options, n_bins, documents, lengths)
        bin_check = BinCheck(
            table, options, n_bins, first_bin, has_groups=row_check.has_groups
        )
        row_check.check(bin_check.bins)
        bin_check.check(totals)
        if planned is not None and lengths is not None:
            _check_lengths(LengthHistogram.of_table(lengths), planned, options)
    extra = row_check.n_chunks * options.extra_tokens
    footprint = int(totals["footprint"])
    capacity = n_bins * options.context_length
    return {
        "n_documents": row_check.n_documents,
        "n_rows": row_check.n_rows,
        "n_chunks": row_check.n_chunks,
        "n_bins": n_bins,
        "packed": row_check.packed,
        "extra": extra,
        "alignment": footprint - row_check.packed - extra,
        "padding": capacity - footprint,
        "efficiency": row_check.packed / capacity if capacity else 1.0,
        "chunks_per_bin_max": int(totals["chunks_per_bin_max"]),
        "bins_not_full": int(totals["bins_not_full"]),
        "lengths_checked": documents is not None or planned is not None,
        "groups_checked": row_check.has_groups,
    }


def _check_lengths(
    found: LengthHistogram, planned: Histogram, options: PackingOptions
) -> None:
    documents = planned.total()
    lengths = packed_tokens(documents.lengths, options)
    if found != LengthHistogram(*merge_counts(lengths, documents.counts)):
        msg = (
            "the documents are not those of the plan: their tokens differ\n"
            f"Hint: {documents.n_documents:,} documents were planned, "
            f"{found.n_documents:,} are there."
        )
        raise VerificationError(msg)


def _as_lazy(data: FrameLike | pl.LazyFrame, parameter: str) -> pl.LazyFrame:
    return data if isinstance(data, pl.LazyFrame) else as_frame(data, parameter).lazy()
