"""cuts(): the cuts inside documents, by the length of the documents."""

from typing import Unpack

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import as_documents
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import FrameLike
from fastpack.documents.sums import exact_sum
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.reports.corpus import ContextCount, CutCounts, count_corpus
from fastpack.schemas import CUTS_SCHEMA

_MAX_BITS = 64
"""A length in tokens is an int64."""


@refuse_unknown
def cuts(
    lengths: FrameLike | pl.LazyFrame,
    length: str | pl.Expr | None = None,
    *,
    context_length: int,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame:
    """Count the cuts inside documents by their length: concatenation against best-fit.

    Figure 4 of Ding et al. (2024): concatenation cuts short documents too.

    Parameters
    ----------
    lengths, length, **rules
        As for `fastpack.compare`.
    context_length
        L, the tokens in one training sequence.

    Returns
    -------
    polars.DataFrame
        One row a class of lengths, ascending; the classes are powers of two. Classes
        without a document have no row.

        ========================= ======= =============================================
        `shortest`, `longest`     Int64   the lengths of the class, in tokens
        `documents`               Int64   documents of these lengths
        `concatenate`, `best_fit` Float64 cuts inside a document, on average
        ========================= ======= =============================================

    Raises
    ------
    OptionError, OptionTypeError, DataError, DataTypeError
        As `fastpack.plan` does.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> fastpack.cuts(np.array([8, 6, 6, 4, 3]), context_length=8)
    shape: (3, 5)
    ┌──────────┬─────────┬───────────┬─────────────┬──────────┐
    │ shortest ┆ longest ┆ documents ┆ concatenate ┆ best_fit │
    │ ---      ┆ ---     ┆ ---       ┆ ---         ┆ ---      │
    │ i64      ┆ i64     ┆ i64       ┆ f64         ┆ f64      │
    ╞══════════╪═════════╪═══════════╪═════════════╪══════════╡
    │ 2        ┆ 3       ┆ 1         ┆ 0.0         ┆ 0.0      │
    │ 4        ┆ 7       ┆ 3         ┆ 0.333333    ┆ 0.0      │
    │ 8        ┆ 15      ┆ 1         ┆ 0.0         ┆ 0.0      │
    └──────────┴─────────┴───────────┴─────────────┴──────────┘
    """
    # All strategies cut alike, and need not be searched for.
    rules["strategy"] = "best_fit"
    options = PackingOptions(context_length=context_length, **rules)
    documents = as_documents(lengths, options.by_columns, length)
    corpus = count_corpus(documents, [options])
    return tabulate_cuts(corpus.histogram, corpus.contexts[0])


def tabulate_cuts(histogram: LengthHistogram, context: ContextCount) -> pl.DataFrame:
    """Return the table of `cuts` at one context length of a corpus."""
    has_tokens = histogram.lengths > 0
    lengths, counts = histogram.lengths[has_tokens], histogram.counts[has_tokens]
    bits = [length.bit_length() for length in lengths.tolist()]
    documents = np.bincount(bits, counts, minlength=_MAX_BITS + 1)
    best_fit = np.bincount(
        bits, cuts_of_lengths(lengths, context.options) * counts, _MAX_BITS + 1
    )
    concatenate = context.concatenation.cuts_by_length
    rows = [
        {
            "shortest": 2 ** (n_bits - 1),
            "longest": 2**n_bits - 1,
            "documents": int(documents[n_bits]),
            "concatenate": concatenate[n_bits] / documents[n_bits],
            "best_fit": best_fit[n_bits] / documents[n_bits],
        }
        for n_bits in np.flatnonzero(documents).tolist()
    ]
    return pl.DataFrame(rows, schema=CUTS_SCHEMA)


def count_cuts(histogram: LengthHistogram, options: PackingOptions) -> CutCounts:
    """Count what best-fit packing cuts."""
    cuts_of_each = cuts_of_lengths(histogram.lengths, options)
    is_cut = cuts_of_each > 0
    fits = histogram.lengths <= options.context_length
    return CutCounts(
        documents_cut=exact_sum(histogram.counts[is_cut]),
        documents_cut_unnecessarily=exact_sum(histogram.counts[is_cut & fits]),
        cuts=exact_sum(cuts_of_each, histogram.counts),
    )


def cuts_of_lengths(
    lengths: npt.NDArray[np.int64], options: PackingOptions
) -> npt.NDArray[np.int64]:
    """Return the number of cuts inside a document of each of these lengths.

    The rule for long documents is told here again: the `Chunks` of a plan are sums over
    all documents, and do not say from which lengths they were cut.
    """
    max_chunk = options.max_chunk
    is_long = lengths > max_chunk
    if options.long_documents == "split":
        full, remainders = np.divmod(lengths, max_chunk)
        # A remainder that is dropped was cut off, too.
        return np.where(is_long, full - (remainders == 0), 0)
    return np.where(is_long & (options.long_documents == "truncate"), 1, 0)
