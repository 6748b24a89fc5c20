"""quality() from the plan is what the assignment shows."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import OptionTypeError
from fastpack.reports.quality import bins_of
from strategies import options_of, packings


@given(packings(), st.sampled_from([1, 2]))
def test_from_the_plan_and_from_the_assignment(packing, multiple):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    plan = fastpack.plan(frame.select(*by, "n_tokens"), **options)
    if -(-plan.n_bins // multiple) * multiple <= plan.n_chunks:
        options["bins_multiple"] = multiple
        plan = fastpack.plan(frame.select(*by, "n_tokens"), **options)
    table = fastpack.pack(frame, **options).drop_nulls("bin")
    footprints = pl.col("chunk_length").map_elements(
        rules.footprint, return_dtype=pl.Int64
    )
    held = table.group_by("bin").agg(
        pl.len().cast(pl.Int64).alias("chunks"),
        (rules.context_length - footprints.sum()).alias("space"),
    )
    expected = held.group_by("chunks", "space").agg(
        pl.len().cast(pl.Int64).alias("bins")
    )
    found = bins_of(plan)
    assert found.equals(expected.sort("chunks", "space"))
    figures = fastpack.quality(plan)
    documents = sorted(held["chunks"])
    assert figures["n_bins"] == len(documents)
    assert figures["gap"] == plan.n_bins - plan.lower_bound >= 0
    if documents:
        assert figures["chunks_per_bin_mean"] == pytest.approx(np.mean(documents))
        assert figures["chunks_per_bin_max"] == documents[-1]
        for name, share in (("median", 0.5), ("p99", 0.99)):
            place = int(np.ceil(share * len(documents))) - 1
            assert figures[f"chunks_per_bin_{name}"] == documents[place]
    assert figures["bins_not_full"] == (held["space"] > 0).sum()


def test_what_is_no_plan():
    with pytest.raises(OptionTypeError, match="`plan` must be a PackingPlan, got 5"):
        fastpack.quality(5)


def test_a_corpus_of_ten_billion_documents():
    histogram = fastpack.LengthHistogram([300, 900], [9 * 10**9, 10**9])
    figures = fastpack.quality(fastpack.plan(histogram, context_length=2048))
    assert figures["chunks_per_bin_max"] == 6
    assert figures["gap_share"] < 0.2
    nothing = fastpack.plan(np.array([], int), context_length=8)
    assert fastpack.quality(nothing)["bins_not_full_share"] == 0
