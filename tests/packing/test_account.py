"""Every document and every token is in one of the figures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from oracle import RULES, Rules, best_fit_decreasing, chunks_of
from strategies import lengths_lists, options_of, packings


@given(lengths_lists, st.integers(1, 40), st.sampled_from(RULES))
def test_figures_add_up(lengths, context_length, long_documents):
    plan = fastpack.plan(
        np.array(lengths, np.int64),
        context_length=context_length,
        long_documents=long_documents,
    )
    rows = chunks_of(lengths, Rules(context_length, long_documents))
    chunks = [length for _, _, length in rows if length]
    long = [length for length in lengths if length > context_length]
    assert plan.n_documents == len(lengths)
    assert plan.n_tokens == sum(lengths)
    assert plan.n_rows == len(rows)
    assert plan.n_chunks == len(chunks)
    assert plan.packed == sum(chunks)
    assert plan.n_tokens == plan.packed + plan.truncated + plan.dropped
    assert plan.n_bins == len(best_fit_decreasing(chunks, Rules(context_length)))
    assert plan.n_bins * context_length == plan.packed + plan.padding
    assert -(-plan.packed // context_length) <= plan.lower_bound <= plan.n_bins
    assert plan.documents_empty == lengths.count(0)
    if long_documents == "drop":
        assert plan.dropped == sum(long)
        assert (plan.documents_dropped, plan.documents_cut) == (len(long), 0)
    else:
        assert (plan.documents_dropped, plan.documents_cut) == (0, len(long))
        assert plan.dropped == 0
    if long_documents == "split":
        assert plan.truncated == 0
    if plan.n_bins:
        assert plan.efficiency == plan.packed / (plan.n_bins * context_length)
    else:
        assert plan.efficiency == 1.0


def test_prints_as_a_short_summary():
    plan = fastpack.plan(np.array([20, 0, 5]), context_length=8, long_documents="drop")
    assert str(plan).splitlines() == [
        "PackingPlan: 3 documents in 1 sequences of 8 tokens",
        "  documents     3   (1 empty, 0 cut, 1 dropped)",
        "  tokens       25   (5 packed, 0 truncated, 20 dropped)",
        "  chunks        1",
        "  sequences     1   (lower bound 1)",
        "  padding       3   (efficiency 62.5 %)",
    ]


@given(packings())
def test_groups_are_accounted_for_as_if_each_was_a_corpus(packing):
    frame, rules, by, seed = packing
    options = options_of(rules, by or ["source"], seed)
    plan = fastpack.plan(frame.select(*options["by"], "n_tokens"), **options)
    parts = frame.sort(options["by"]).partition_by(options["by"], maintain_order=True)
    plans = [
        fastpack.plan(part["n_tokens"], **{**options, "by": None}) for part in parts
    ]
    figures = [part.figures() for part in plans]
    assert plan.groups.select(plan.figures().keys()).to_dicts() == figures
    for name, total in plan.figures().items():
        if name != "efficiency":
            assert total == sum(part[name] for part in figures), name
    n_bins = [part.n_bins for part in plans]
    first_bins = [sum(n_bins[:number]) for number in range(len(n_bins))]
    if options.get("shuffle_seed") is not None:
        first_bins = [None] * len(n_bins)
    assert plan.groups["first_bin"].to_list() == first_bins
    if plan.n_bins:
        capacity = plan.n_bins * rules.context_length
        assert plan.efficiency == plan.packed / capacity
