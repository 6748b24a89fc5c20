"""compare(): what packing makes of a corpus, beside concatenation and truncation."""

from collections.abc import Sequence
from typing import Any, Unpack

import polars as pl

from fastpack.documents.batches import as_documents
from fastpack.documents.inputs import FrameLike
from fastpack.errors import OptionError
from fastpack.options import PackingOptions, PackingRules
from fastpack.reports.corpus import STRATEGIES, Strategy, count_corpus


def compare(
    lengths: FrameLike | pl.LazyFrame,
    *,
    context_length: int | Sequence[int] = (2048, 8192),
    strategies: Sequence[Strategy] = STRATEGIES,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame:
    """Compare ways to make training sequences of a corpus, in one pass over it.

    Parameters
    ----------
    lengths
        The lengths of the documents in tokens, in their order: a pl.Series, a NumPy
        array, an Arrow array or stream, a frame of one column (with the rule `by`, of
        its columns beside); a pl.LazyFrame is read batch by batch.
    context_length
        L, or several.
    strategies
        ``"concatenate"``: join all documents in their order, cut every L tokens, pad
        the last sequence. ``"truncate"``: one document a sequence, its first L tokens.
        ``"best_fit"``: what `fastpack.pack` does.
    **rules
        For ``"best_fit"``: see `PackingOptions`.

    Returns
    -------
    polars.DataFrame
        One row a strategy and L, in the order given, by L:

        ============================== ============================================
        `strategy`, `context_length`   as given
        `n_bins`                       training sequences
        `n_bins_over_concatenation`    sequences relative to concatenation, less 1
        `padding`                      tokens of capacity left unused
        `efficiency`                   documents' tokens over capacity
        `documents_cut`                documents with a cut inside
        `documents_cut_unnecessarily`  those of at most L tokens
        `cuts`                         cuts inside documents
        `tokens_left_out`              tokens that are in no sequence
        ============================== ============================================

        A *cut* is a place where a document is divided (the paper calls it a
        truncation); tokens that are thrown away are `tokens_left_out`.

    Raises
    ------
    OptionError, OptionTypeError, DataError, DataTypeError
        As `fastpack.plan` does.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> fastpack.compare(np.array([8, 6, 6, 4, 3]), context_length=8).select(
    ...     "strategy", "n_bins", "padding", "documents_cut"
    ... )
    shape: (3, 4)
    ┌─────────────┬────────┬─────────┬───────────────┐
    │ strategy    ┆ n_bins ┆ padding ┆ documents_cut │
    │ ---         ┆ ---    ┆ ---     ┆ ---           │
    │ str         ┆ i64    ┆ i64     ┆ i64           │
    ╞═════════════╪════════╪═════════╪═══════════════╡
    │ concatenate ┆ 4      ┆ 5       ┆ 1             │
    │ truncate    ┆ 5      ┆ 13      ┆ 0             │
    │ best_fit    ┆ 4      ┆ 5       ┆ 0             │
    └─────────────┴────────┴─────────┴───────────────┘
    """
    options = options_for(context_length, rules)
    return count_corpus(as_documents(lengths, options[0].by_columns), options).compare(
        strategies
    )


def cuts(
    lengths: FrameLike | pl.LazyFrame,
    *,
    context_length: int,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame:
    """Count the cuts inside documents by their length: concatenation against best-fit.

    Figure 4 of Ding et al. (2024): concatenation cuts short documents too.

    Parameters
    ----------
    lengths, context_length, **rules
        As for `compare`.

    Returns
    -------
    polars.DataFrame
        One row a class of lengths, ascending: `shortest`, `longest` (tokens),
        `documents`, and the cuts inside a document on average, by `concatenate` and by
        `best_fit`. Classes are powers of two.

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
    options = options_for(context_length, rules)
    return count_corpus(as_documents(lengths, options[0].by_columns), options).cuts(0)


def options_for(
    context_length: int | Sequence[int], rules: PackingRules
) -> list[PackingOptions]:
    """Return the options for each context length."""
    several: Any = context_length
    if not isinstance(context_length, Sequence) or isinstance(context_length, str):
        several = [context_length]
    if not several:
        msg = "`context_length` is empty\nHint: such as [2048, 8192]."
        raise OptionError(msg)
    return [PackingOptions(context_length=each, **rules) for each in several]
