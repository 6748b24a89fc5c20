"""The search: near to its bound for all kinds of lengths, in coarse units, in time."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from fastpack import LengthHistogram
from fastpack.packing.optimal import place
from fastpack.packing.optimal import problem as problems
from fastpack.packing.optimal.classes import choose_classes
from fastpack.packing.optimal.knapsack import Knapsack
from fastpack.packing.optimal.problem import Problem
from oracle import Rules, check_assignment, optimum

OPTIMAL = {"strategy": "optimal", "optimality_gap": 0}


def draw(weights, n_documents, seed=0):
    """Draw a histogram by the weights of the lengths from 1 on."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_documents, weights / weights.sum())
    lengths = np.flatnonzero(counts)
    return LengthHistogram(lengths + 1, counts[lengths])


def bell(mean, spread, context_length):
    parts = np.arange(1, context_length + 1) / context_length
    return np.exp(-(((parts - mean) / spread) ** 2) / 2)


def hundred_sizes():
    rng = np.random.default_rng(3)
    weights = np.zeros(2048)
    weights[rng.choice(np.arange(307, 1228), 100, replace=False)] = rng.lognormal(
        0, 1.5, 100
    )
    return weights


def many_full(context_length):
    """Weights of web lengths of which many fill a bin, and a few all but one token."""
    lengths = np.arange(1, context_length + 1)
    weights = np.exp(-(((np.log(lengths) - 7) / 1.1) ** 2) / 2) / lengths
    weights[-2:] = weights.sum() / [10_000, 50]
    return weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "n_documents", "rules"),
    [
        (bell(0.3, 0.05, 1024), 10**12, {"context_length": 1024}),
        (bell(0.45, 0.1, 1024), 10**6, {"context_length": 1024}),
        (hundred_sizes(), 10**6, {"context_length": 2048}),
        (bell(0.2, 0.3, 512), 10**12, {"context_length": 512, "max_documents": 3}),
        (many_full(20_000), 10**5, {"context_length": 20_000, "max_documents": 8}),
        (
            bell(0.3, 0.05, 20_000),
            10**5,
            {"context_length": 20_000, "optimality_gap": 0.004},
        ),
    ],
)
def test_gap(weights, n_documents, rules):
    histogram = draw(weights, n_documents)
    rules = {"strategy": "optimal", "time_limit": 1000, **rules}  # whatever the clock
    certificate = fastpack.plan(histogram, **rules).certificate
    assert certificate.ended_by == "gap"
    assert certificate.gap <= rules.get("optimality_gap", 0.0005)
    assert certificate.iterations > 0


@given(st.lists(st.integers(1, 61), max_size=10), st.sampled_from([None, 2, 3]))
@settings(max_examples=40)
def test_coarse_units_prove_no_more_than_is_true(lengths, max_documents):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "_MAX_CAPACITY", 31)
        patch.setattr(problems, "_COARSE_CAPACITY", 10)
        rules = Rules(61, max_documents=max_documents)
        array = np.array(lengths, np.int64)
        plan = fastpack.plan(array, **rules._asdict(), **OPTIMAL)
        least = optimum(lengths, 61, max_documents or 99)
        assert plan.lower_bound <= least <= plan.n_bins
        assert plan.n_bins <= fastpack.plan(array, **rules._asdict()).n_bins
        check_assignment(plan.assign(array), lengths, rules)


def test_units():
    problem = Problem(
        np.array([5, 9_999, 50_000, 100_001]), np.ones(4, int), 100_001, 10**6
    )
    coarse = problem.coarse()
    assert (problem.unit, coarse.unit) == (2, 8)
    assert problem.coarse().coarse() == coarse
    down = coarse.rounded_down()  # what is below a unit is left out
    assert down.sizes.tolist() == [1249, 6250, 12_500]
    assert down.capacity == 12_500
    assert (down.unit, down.coarse().unit) == (1, 1)
    # What fills a bin alone is not more than a bin.
    assert coarse.merged(np.arange(4)).sizes.tolist() == [1, 1250, 6250, 12_500]


@pytest.mark.slow
def test_coarser_units_prove_less():
    rng = np.random.default_rng(5)
    sizes = np.sort(rng.choice(np.arange(6_000, 40_000), 60, replace=False))
    problem = Problem(sizes, rng.integers(1, 9, 60), 70_001, 99)
    values = sizes * 10 + rng.integers(0, 5_000, 60)
    fine = Knapsack(problem.rounded_down()).fill(values)
    coarse = Knapsack(problem.coarse().rounded_down()).fill(values)
    assert fine.total == coarse.total
    assert fine.most <= coarse.most
    assert coarse.bound <= fine.bound


@pytest.mark.slow
def test_chunks_as_long_as_a_bin_in_units():
    rng = np.random.default_rng(6)
    lengths = (rng.normal(0.3, 0.05, 150) * 100_001).astype(np.int64)
    lengths = np.append(lengths, [100_001, 100_000, 100_001])
    plan = fastpack.plan(lengths, context_length=100_001, **OPTIMAL)
    assert plan.n_bins < fastpack.plan(lengths, context_length=100_001).n_bins
    check_assignment(plan.assign(lengths), lengths.tolist(), Rules(100_001))


@pytest.mark.parametrize(
    ("lengths", "rules"),
    [
        ([], {}),
        ([0, 0], {}),
        ([7], {}),
        ([100] * 9, {}),
        ([34] * 10, {}),
        ([60, 60], {"max_documents": 1}),
        ([250, 34, 34, 34, 33], {}),
        ([1, 2, 99, 98], {"context_length": 2**31 - 1}),
        (range(1, 30), {"context_length": 10**9, "max_documents": 4}),
    ],
)
def test_few_documents(lengths, rules):
    array = np.array(lengths, np.int64)
    rules = {"context_length": 100, **rules}
    best_fit = fastpack.plan(array, **rules)
    plan = fastpack.plan(array, **rules, **OPTIMAL)
    assert best_fit.lower_bound <= plan.lower_bound <= plan.n_bins <= best_fit.n_bins
    assert plan.certificate.ended_by == "gap"


def test_a_dive_that_begins_with_another_pattern():
    lengths = np.array([8, 12, 15, 15, 18, 24, 25, 25, 28, 32, 34])
    plan = fastpack.plan(lengths, context_length=60, max_documents=3, **OPTIMAL)
    assert plan.n_bins == optimum(lengths.tolist(), 60, 3) == 4


def test_a_context_length_of_one():
    plan = fastpack.plan(np.array([5, 3, 0, 1]), context_length=1, **OPTIMAL)
    assert (plan.n_bins, plan.lower_bound) == (9, 9)


@pytest.mark.slow
@pytest.mark.parametrize("context_length", [2048, 1 << 20])
@pytest.mark.parametrize("rules", [{}, {"max_documents": 64}])
def test_hardly_any_time(context_length, rules):
    rng = np.random.default_rng(4)
    lengths = (rng.normal(0.3, 0.05, 20_000) * context_length).astype(np.int64)
    rules = {"context_length": context_length, **rules}
    best_fit = fastpack.plan(lengths, **rules)
    plan = fastpack.plan(lengths, time_limit=0.01, **rules, **OPTIMAL)
    assert plan.certificate.ended_by == "time"
    assert plan.certificate.seconds < 5
    assert best_fit.lower_bound <= plan.lower_bound <= plan.n_bins <= best_fit.n_bins


@pytest.mark.slow
def test_a_hundred_thousand_sizes():
    rng = np.random.default_rng(0)
    sizes = rng.choice(np.arange(1 << 15, 5 << 17), 100_000, replace=False)
    histogram = LengthHistogram(np.sort(sizes), rng.integers(1, 30, sizes.size))
    rules = {"context_length": 1 << 20, "max_documents": 3}
    plan = fastpack.plan(histogram, **rules, strategy="optimal", time_limit=1)
    assert plan.certificate.seconds < 5


def test_fewer_patterns_than_ways_to_begin():
    lengths = [14, 17, 17, 30, 31]
    plan = fastpack.plan(
        lengths, context_length=60, strategy="optimal", optimality_gap=0
    )
    assert plan.n_bins == 3  # 30 and 31 are apart, and 17 fits beside each, then not 14


def test_compiling_is_beside_the_clock(monkeypatch):
    hours = []
    now = time.monotonic

    def compile_for_an_hour():
        hours.append(3600)

    monkeypatch.setattr(place, "_load_kernels", compile_for_an_hour)
    monkeypatch.setattr(time, "monotonic", lambda: now() + sum(hours))
    histogram = draw(bell(0.3, 0.05, 512), 10**6)
    plan = fastpack.plan(
        histogram, context_length=512, strategy="optimal", time_limit=1800
    )
    assert len(hours) == 1
    assert plan.certificate.ended_by == "gap"
    assert plan.certificate.seconds < 1800


@pytest.mark.parametrize("rules", [{"time_limit": 0}, {"optimality_gap": 0.5}])
def test_what_is_not_searched_compiles_nothing(monkeypatch, rules):
    monkeypatch.setattr(place, "_load_kernels", pytest.fail)
    histogram = draw(bell(0.3, 0.05, 512), 10**6)
    fastpack.plan(histogram, context_length=512, strategy="optimal", **rules)


@pytest.mark.parametrize("number", [2, 1000])
def test_no_two_classes_are_one_size_in_units(number):
    capacity = 1 << 17
    sizes = np.array([5, 6, 7, 1000, capacity - 1, capacity])
    problem = Problem(sizes, np.full(6, 10), capacity, 8)
    assert problem.unit > 1
    largest = choose_classes(problem, sizes / capacity, number)
    assert largest[-1] == 5
    in_units = problem.rounded_up(sizes[largest], problem.unit)
    assert (np.diff(in_units) > 0).all()
