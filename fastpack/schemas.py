"""Schemas: the columns and dtypes of every table that is given out.

Signed integers only: Polars subtracts unsigned ones with wrap-around.
"""

import polars as pl

ASSIGNMENT_SCHEMA = pl.Schema(
    {
        "document": pl.Int64,
        "chunk_start": pl.Int64,
        "chunk_length": pl.Int32,
        "bin": pl.Int64,
        "bin_offset": pl.Int32,
    }
)
"""The columns of the assignment table, without `keep`."""

RUNS_SCHEMA = pl.Schema(
    {
        "chunk_length": pl.Int32,
        "first_bin": pl.Int64,
        "bins": pl.Int64,
        "chunks_per_bin": pl.Int32,
        "bin_offset": pl.Int32,
    }
)
"""The columns of `PackingPlan.runs`, without `by`."""

FIGURES = (
    "n_documents",
    "documents_empty",
    "documents_cut",
    "documents_dropped",
    "n_tokens",
    "packed",
    "truncated",
    "dropped",
    "n_chunks",
    "n_bins",
    "lower_bound",
    "extra",
    "alignment",
    "padding",
    "efficiency",
)
"""The figures of a packing, in the order in which they are told."""

COMPARISON_SCHEMA = pl.Schema(
    {
        "strategy": pl.String,
        "context_length": pl.Int64,
        "n_bins": pl.Int64,
        "n_bins_over_concatenation": pl.Float64,
        "padding": pl.Int64,
        "efficiency": pl.Float64,
        "documents_cut": pl.Int64,
        "documents_cut_unnecessarily": pl.Int64,
        "cuts": pl.Int64,
        "tokens_left_out": pl.Int64,
    }
)
"""The columns of `fastpack.compare`."""

CUTS_SCHEMA = pl.Schema(
    {
        "shortest": pl.Int64,
        "longest": pl.Int64,
        "documents": pl.Int64,
        "concatenate": pl.Float64,
        "best_fit": pl.Float64,
    }
)
"""The columns of `fastpack.cuts`."""
