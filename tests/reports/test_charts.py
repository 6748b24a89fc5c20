"""The tables of the charts are those of compare() and the plan."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from corpora import report_of


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=60),
    st.lists(st.integers(2, 64), min_size=1, max_size=2, unique=True),
    st.sampled_from(
        [{}, {"max_documents": 2}, {"long_documents": "drop"}, {"extra_tokens": 1}]
    ),
)
def test_figures_are_those_of_compare_and_the_plan(lengths, context_lengths, rules):
    series = pl.Series(lengths, dtype=pl.Int32)
    report = report_of(series, context_lengths, **rules)
    if not sum(lengths):
        assert report.sweep is None
        return
    for chart in report.charts:
        assert {chart.x, *chart.series.values()} <= set(chart.table.columns)
    assert report.sweep.kind == "documents-cut"
    swept = report.sweep.table
    table = fastpack.compare(
        series, context_length=swept["context length"].to_list(), **rules
    )
    for strategy, name in (("concatenate", "concatenation"), ("best_fit", "best-fit")):
        rows = table.filter(pl.col("strategy") == strategy)
        for title, measure in (
            ("documents cut", "documents_cut"),
            ("of which fit", "documents_cut_unnecessarily"),
            ("padding, tokens", "padding"),
            ("sequences", "n_bins"),
        ):
            assert swept[f"{title}: {name}"].equals(rows[measure])
        shares = rows["documents_cut"] / len(lengths) * 100
        assert np.allclose(swept[f"cut, %: {name}"], shares)
    assert len(report.sections) == len(context_lengths)
    for context_length, section in zip(
        sorted(context_lengths), report.sections, strict=True
    ):
        plan = fastpack.plan(series, context_length=context_length, **rules)
        if not plan.n_bins:
            assert section.charts == []
            continue
        cuts, documents = (chart.table for chart in section.charts)
        expected = fastpack.cuts(series, context_length=context_length, **rules)
        for mine, theirs in (
            ("concatenation", "concatenate"),
            ("best-fit", "best_fit"),
        ):
            assert cuts[mine].to_list() == expected[theirs].to_list()
        assert documents["sequences"].sum() == plan.n_bins
        assert documents["sequences, %"].sum() == pytest.approx(100)
        assert documents["padding, tokens"].sum() == plan.padding
        assert f"makes {plan.n_bins:,} sequences" in " ".join(section.sentences)


def test_classes_of_many_documents_in_a_sequence():
    report = report_of([1] * 1000 + [64] * 3, [64])
    table = report.sections[0].charts[1].table
    # 3 documents of 64; 15 sequences of 64 documents of 1 token, one of 40.
    wanted = table.filter(pl.col("sequences") > 0)
    assert wanted["documents in a sequence"].to_list() == ["1", "32 - 47", "64"]
    assert wanted["sequences"].to_list() == [3, 1, 15]
