"""Placing the chunks of a histogram, however many."""

import numpy as np
import pytest

import fastpack


@pytest.mark.parametrize(
    ("lengths", "counts", "context_length", "n_bins"),
    [
        ([1], [2**63 - 1], 1, 2**63 - 1),
        ([1], [2**62], 1, 2**62),
        ([2], [2**62 - 1], 3, 2**62 - 1),
        ([2**63 - 1], [1], 1, 2**63 - 1),
        ([2**63 - 1], [1], 2**31 - 1, 2**32 + 3),
    ],
)
def test_as_many_bins_as_there_can_be(lengths, counts, context_length, n_bins):
    histogram = fastpack.LengthHistogram(lengths, counts)
    plan = fastpack.plan(histogram, context_length=context_length)
    assert plan.n_bins == n_bins
    assert plan.padding == n_bins * context_length - plan.n_tokens >= 0


def test_a_capacity_beyond_all_tokens_costs_nothing():
    few = np.array([5, 3, 2])
    huge = fastpack.plan(few, context_length=2**31 - 1)
    assert huge.runs.equals(fastpack.plan(few, context_length=10).runs)
    assert huge.padding == 2**31 - 1 - 10


def test_a_tree_that_does_not_fit_into_memory(monkeypatch):
    from fastpack.packing import best_fit

    def refuse(capacity, n_lengths):
        raise MemoryError

    monkeypatch.setattr(best_fit, "new_spaces", refuse)
    with pytest.raises(
        MemoryError, match="`context_length` 8 needs 32 bytes of address"
    ):
        fastpack.plan(np.array([8, 8]), context_length=8)
