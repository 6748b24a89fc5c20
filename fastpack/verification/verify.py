"""verify(): whether an assignment is a valid packing, by looking at every row of it."""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import Documents, as_documents
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import FrameLike, as_frame
from fastpack.documents.length_table import LengthTable
from fastpack.documents.sums import merge_counts
from fastpack.errors import DataError, VerificationError
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.verification.bins import BinCheck
from fastpack.verification.blocks import BlockCheck
from fastpack.verification.columns import check_columns, shared_names
from fastpack.verification.expected import check_long_documents, packed_tokens
from fastpack.verification.numbering import Numbering
from fastpack.verification.rows import RowCheck


@refuse_unknown
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
    If the rules number bins (`by`, `shuffle_seed`, `block_documents`), they have these
    numbers.

    Parameters
    ----------
    assignment
        The table that `fastpack.pack` gives, its rows in the order of documents and
        their chunks, its columns in any order and of any type that holds whole numbers
        (floats, too: pandas makes them of nulls); lazy frames are read batch by batch.
        A column `document` of numbers is the row index; other columns name documents.
    lengths
        The lengths of the documents, in their order: one column, or `n_tokens` of
        several, and the columns of the rule `by` if the assignment does not have them.
        Columns that name documents in the assignment are compared with those of the
        same names here.
    context_length, **rules
        The rules by which it was packed: see `PackingOptions`.

    Returns
    -------
    dict
        The figures: `n_documents`, `n_rows`, `n_chunks`, `n_bins`, `packed`, `extra`,
        `alignment` and `padding` (tokens), `efficiency`, `chunks_per_bin_max`,
        `bins_not_full`, `lengths_checked`, `groups_checked`; and `unchecked`, a list of
        what could not be checked, in words: empty if `lengths` are given, with the
        columns `by` and those that name documents.

    Raises
    ------
    VerificationError
        The assignment is no such packing; the message shows the first rows that are
        wrong.
    DataError, OptionError, OptionTypeError
        A column is absent, also one of `by`, or a parameter cannot be right.
    DataTypeError
        A column cannot hold integers, or the table cannot be read.

    Notes
    -----
    Not looked at, because any packer may differ there: whether fewer bins would do,
    which of several documents of equal length is in which bin, and, without `by` and
    `shuffle_seed`, the order of the bins of a block.

    Memory: for each thread a batch, and 8 bytes a bin (12 if `context_length` is 2**16
    or more), 4 more with `by`, and with `shuffle_seed`; 1 GB of the 8 bytes at most.
    With more bins there are fewer threads, and above 64 M bins it takes further passes
    over the rows. With `block_documents` it takes one more.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame({"n_tokens": [8, 6, 6, 4, 3]})
    >>> assignment = fastpack.pack(documents, context_length=8)
    >>> figures = fastpack.verify(assignment, documents, context_length=8)
    >>> figures["n_bins"], figures["padding"], figures["unchecked"]
    (4, 5, [])
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
        keep = shared_names(table.collect_schema(), names)
        documents = as_documents(frame, by, keep=keep)
    return verify_table(table, options, documents=documents, needs_groups=True)


def verify_table(
    table: pl.LazyFrame,
    options: PackingOptions,
    *,
    documents: Documents | None = None,
    planned: Histogram | None = None,
    needs_groups: bool = False,
) -> dict[str, Any]:
    """Verify an assignment: see `verify`.

    `planned` are the documents that it was planned for: their lengths have to be those
    of the documents here, in any order. `needs_groups` says whether it is an error if
    the columns `by` are nowhere.
    """
    check_columns(table.collect_schema())
    last_bin, n_rows = (
        table.select(pl.col("bin").cast(pl.Int64, strict=False).max(), pl.len())
        .collect()
        .row(0)
    )
    # The largest Int64 is no number of a bin: one more is none of Int64.
    n_bins = 0 if last_bin is None else max(min(last_bin, 2**63 - 2) + 1, 0)
    totals = []
    row_check = RowCheck(table, options, documents)
    has_groups = row_check.has_groups
    if needs_groups and not has_groups:
        _check_by(options, row_check.names, documents)
    blocks = BlockCheck(table, options, n_bins)
    numbering = Numbering(options, blocks.first_bins, has_groups=has_groups)
    # If there are more bins than rows, one of the first is empty: it is found there.
    n_checked = min(n_bins, n_rows + 1)
    for first_bin in range(0, max(n_checked, 1), BinCheck.AT_A_TIME):
        # Each pass sees the same documents: only the first one counts their lengths.
        lengths = None
        if planned is not None and first_bin == 0:
            lengths = LengthTable()
        row_check = RowCheck(table, options, documents, lengths)
        size = min(BinCheck.AT_A_TIME, n_checked - first_bin)
        bin_check = BinCheck(
            table,
            options,
            numbering,
            first_bin,
            size,
            n_rows=n_rows,
            has_groups=has_groups,
        )
        row_check.check(bin_check.bins, numbering)
        totals.append(bin_check.check(row_check.groups))
        if planned is not None and lengths is not None:
            _check_lengths(LengthHistogram.of_table(lengths), planned, options)
    blocks.check_order()
    numbering.finish()
    blocks.check_multiple()
    return {
        **_figures(row_check, np.concatenate(totals), options, n_bins),
        "lengths_checked": documents is not None or planned is not None,
        "groups_checked": row_check.has_groups,
        "unchecked": _unchecked(row_check, options, documents, planned),
    }


def _figures(
    row_check: RowCheck, of_bins: npt.NDArray[Any], options: PackingOptions, n_bins: int
) -> dict[str, Any]:
    """Return the figures of an assignment, by its rows and the totals of its bins."""
    n_chunks = int(of_bins["chunks"].sum())
    extra = n_chunks * options.extra_tokens
    footprint = int(of_bins["footprint"].sum())
    capacity = n_bins * options.context_length
    return {
        "n_documents": row_check.n_documents,
        "n_rows": row_check.n_rows,
        "n_chunks": n_chunks,
        "n_bins": n_bins,
        "packed": row_check.packed,
        "extra": extra,
        "alignment": footprint - row_check.packed - extra,
        "padding": capacity - footprint,
        "efficiency": row_check.packed / capacity if capacity else 1.0,
        "chunks_per_bin_max": int(of_bins["chunks_per_bin_max"].max(initial=0)),
        "bins_not_full": int(of_bins["bins_not_full"].sum()),
    }


def _check_by(
    options: PackingOptions, names: list[str], documents: Documents | None
) -> None:
    """Raise DataError if there are columns `by`: they are in neither table."""
    by = options.by_columns
    beside = [] if documents is None else documents.by.columns
    if absent := [name for name in by if name not in beside]:
        msg = (
            f"`by` names columns that `lengths` does not have: {absent}; nor does the "
            f"assignment have all of {list(by)} as columns that name documents\n"
            f"Hint: give them beside the lengths. The assignment has {names or 'none'}."
        )
        raise DataError(msg)


def _unchecked(
    row_check: RowCheck,
    options: PackingOptions,
    documents: Documents | None,
    planned: Histogram | None,
) -> list[str]:
    """Say what could not be checked, because it was not given."""
    unchecked = []
    if documents is None:
        known = "not given" if planned is None else "only how many have which is known"
        unchecked.append(f"lengths of the documents: {known}")
    if options.by_columns and not row_check.has_groups:
        columns = ", ".join(map(repr, options.by_columns))
        unchecked.append(f"groups, and the order of bins: not given is {columns}")
    if row_check.names:
        columns = ", ".join(map(repr, row_check.names))
        unchecked.append(f"names of the documents: only the assignment has {columns}")
    if row_check.other_types:
        columns = ", ".join(map(repr, row_check.other_types))
        unchecked.append(
            f"names of the documents: of another type beside the lengths is {columns}"
        )
    return unchecked


def _check_lengths(
    found: LengthHistogram, planned: Histogram, options: PackingOptions
) -> None:
    documents = planned.total()
    check_long_documents(documents.lengths, options)
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
