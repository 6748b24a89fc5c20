"""The tables of the charts are those of compare() and the plan."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from corpora import report_of

KINDS = {"documents-cut", "padding", "sequences"}


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
        assert report.sweep == []
        return
    assert {chart.kind for chart in report.sweep} == KINDS
    for chart in report.charts:
        assert {chart.x, *chart.series.values()} <= set(chart.table.columns)
    cut, padding, sequences = (chart.table for chart in report.sweep)
    table = fastpack.compare(
        series, context_length=cut["context length"].to_list(), **rules
    )
    for strategy, name in (("concatenate", "concatenation"), ("best_fit", "best-fit")):
        rows = table.filter(pl.col("strategy") == strategy)
        assert cut[name].equals(rows["documents_cut"])
        assert np.allclose(
            cut[f"{name}, %"], rows["documents_cut"] / len(lengths) * 100
        )
        assert padding[name].equals(rows["padding"])
        assert sequences[name].equals(rows["n_bins"])
    assert len(report.sections) == len(context_lengths)
    for context_length, section in zip(
        sorted(context_lengths), report.sections, strict=True
    ):
        plan = fastpack.plan(series, context_length=context_length, **rules)
        if not plan.n_bins:
            assert section.charts == []
            continue
        cuts, documents, *space = (chart.table for chart in section.charts)
        expected = fastpack.cuts(series, context_length=context_length, **rules)
        for mine, theirs in (
            ("concatenation", "concatenate"),
            ("best-fit", "best_fit"),
        ):
            assert cuts[mine].to_list() == expected[theirs].to_list()
        for counted in (documents, *space):
            assert counted["sequences"].sum() == plan.n_bins
            assert counted["sequences, %"].sum() == pytest.approx(100)
        assert bool(space) == (plan.padding > 0)
        assert sum(each["padding tokens"].sum() for each in space) == plan.padding
        assert f"makes {plan.n_bins:,} sequences" in " ".join(section.sentences)


def test_classes_of_many_documents_in_a_sequence():
    report = report_of([1] * 1000 + [64] * 3, [64])
    table = report.sections[0].charts[1].table
    # 3 documents of 64; 15 sequences of 64 documents of 1 token, one of 40.
    wanted = table.filter(pl.col("sequences") > 0)
    assert wanted["documents in a sequence"].to_list() == ["1", "32 - 47", "64"]
    assert wanted["sequences"].to_list() == [3, 1, 15]
