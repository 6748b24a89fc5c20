"""strategy="optimal": valid, never worse than best-fit, and as near as it claims."""

import itertools
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from fastpack import (
    DataError,
    LengthHistogram,
    MissingExtraError,
    OptionError,
    OptionTypeError,
    PackingPlan,
    threads,
)
from fastpack.packing.optimal import exhaustive, master, place
from oracle import Rules, check_assignment, chunks_of, optimum
from strategies import options_of, packings

OPTIMAL = {"strategy": "optimal", "optimality_gap": 0}


def normal(n, mean=0.3, spread=0.05, context_length=512, seed=0):
    """Return lengths of which best-fit wastes much."""
    rng = np.random.default_rng(seed)
    lengths = rng.normal(mean * context_length, spread * context_length, n)
    return np.clip(lengths, 1, context_length).astype(np.int64)


def triplets(n, capacity=1000, seed=0):
    """Return lengths that fill n bins to the last token, three a bin."""
    rng = np.random.default_rng(seed)
    first = rng.integers(380, 491, n)
    second = np.array([rng.integers(250, (capacity - each) // 2 + 1) for each in first])
    return np.concatenate([first, second, capacity - first - second])


@given(packings())
def test_valid_and_not_worse_than_best_fit(packing):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    columns = frame.select(*by, "n_tokens")
    best_fit = fastpack.plan(columns, **options)
    plan = fastpack.plan(columns, **options, **OPTIMAL)
    assert best_fit.lower_bound <= plan.lower_bound <= plan.n_bins <= best_fit.n_bins
    table = plan.assign(columns)
    spaces = check_assignment(table, frame["n_tokens"], rules)
    assert plan.n_bins == len(spaces)
    assert plan.padding == sum(spaces)
    fastpack.verify(table, columns, **options, **OPTIMAL)
    certificate = plan.certificate
    assert certificate.lower_bound == plan.lower_bound
    assert certificate.ended_by == ("search" if certificate.gap else "gap")
    assert (certificate.gap == 0) == (plan.n_bins == plan.lower_bound)
    assert best_fit.certificate is None


@st.composite
def hard_packings(draw):
    """Draw documents of which a few fill a bin, and rules."""
    align = draw(st.sampled_from([1, 1, 1, 2, 5]))
    rules = Rules(
        context_length=60,
        max_documents=draw(st.sampled_from([None, None, 2, 3])),
        extra_tokens=draw(st.sampled_from([0, 0, 1])),
        align=align,
    )
    return draw(st.lists(st.integers(8, 34), max_size=11)), rules


@given(hard_packings(), st.sampled_from([0, 0, 0.3]))
@settings(max_examples=200)
def test_exhaustive_search_finds_no_better(packing, gap):
    lengths, rules = packing
    plan = fastpack.plan(
        np.array(lengths, np.int64),
        **rules._asdict(),
        strategy="optimal",
        optimality_gap=gap,
    )
    chunks = [length for _, _, length in chunks_of(lengths, rules) if length]
    footprints = list(map(rules.footprint, chunks))
    least = optimum(footprints, rules.context_length, rules.max_documents or 99)
    certificate = plan.certificate
    assert plan.lower_bound == certificate.lower_bound <= least
    assert least <= plan.n_bins <= least * (1 + certificate.gap)
    assert certificate.gap <= gap or plan.n_bins == least  # so few are always found


@given(packings(), st.integers(1, 9))
def test_bins_multiple(packing, multiple):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed, bins_multiple=multiple, **OPTIMAL)
    columns = frame.select(*by, "n_tokens")
    n_bins = fastpack.plan(columns, **{**options, "bins_multiple": 1}).n_bins
    chunks = chunks_of(frame["n_tokens"], rules)
    if -(-n_bins // multiple) * multiple > sum(n > 0 for _, _, n in chunks):
        with pytest.raises(DataError, match=r"chunks, [0-9]+, for so many bins"):
            fastpack.plan(columns, **options)
        return
    plan = fastpack.plan(columns, **options)
    assert plan.n_bins % multiple == 0
    assert plan.certificate.ended_by == ("search" if plan.certificate.gap else "gap")
    table = plan.assign(columns)
    check_assignment(table, frame["n_tokens"], rules)
    fastpack.verify(table, columns, **options)


@given(packings(), st.integers(0, 40), st.none() | st.integers(1, 45))
def test_in_parts_lazily_and_saved(tmp_path_factory, packing, cut, block_documents):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed, block_documents=block_documents, **OPTIMAL)
    columns = frame.select(*by, "n_tokens")
    whole = fastpack.pack(frame, **options)
    assert fastpack.pack(frame.lazy(), **options).collect().equals(whole)
    fastpack.verify(whole, columns, **options)
    plan = fastpack.plan(columns, **options)
    assert plan.assign(columns).equals(whole)
    path = tmp_path_factory.mktemp("plan") / "plan.parquet"
    plan.save(path)
    for other in (PackingPlan.load(path), pickle.loads(pickle.dumps(plan))):
        assert other.runs.equals(plan.runs)
        assert other.as_dict() == plan.as_dict()
        assert other.certificate.prices.equals(plan.certificate.prices)
        if 0 < cut < frame.height:
            before = fastpack.plan(columns[:cut], **options).histogram
            parts = [
                other.assign(columns[:cut]),
                other.assign(columns[cut:], after=before),
            ]
            assert pl.concat(parts).equals(whole)


@pytest.mark.parametrize("rules", [{}, {"max_documents": 4}, {"align": 2}])
def test_far_better_than_best_fit(rules):
    lengths = normal(3000)
    best_fit = fastpack.plan(lengths, context_length=512, **rules)
    plan = fastpack.plan(lengths, context_length=512, strategy="optimal", **rules)
    certificate = plan.certificate
    assert certificate.ended_by == "gap"
    assert certificate.gap <= 0.0005
    assert certificate.iterations > 0
    assert certificate.seconds > 0
    assert plan.n_bins < 0.98 * best_fit.n_bins
    table = fastpack.pack(lengths, context_length=512, strategy="optimal", **rules)
    figures = fastpack.verify(table, lengths, context_length=512, **rules)
    assert figures["n_bins"] == plan.n_bins
    quality = fastpack.quality(plan)
    assert quality["ended_by"] == "gap"
    assert quality["gap"] == plan.n_bins - plan.lower_bound
    assert f"linear programs: {certificate.iterations}, ended by" in repr(plan)


def test_the_same_for_a_thousand_times_the_documents():
    histogram = LengthHistogram.from_lengths(normal(20_000))
    thousand = LengthHistogram(histogram.lengths, 1000 * histogram.counts)
    for corpus in (histogram, thousand):
        plan = fastpack.plan(corpus, context_length=512, strategy="optimal")
        assert plan.certificate.gap <= 0.0005


def test_the_same_input_gives_the_same_plan():
    lengths = normal(2000, 0.45, 0.1)
    script = (
        "import sys, pickle, fastpack; lengths = pickle.load(sys.stdin.buffer);"
        "plan = fastpack.plan(lengths, context_length=512, strategy='optimal');"
        "sys.stdout.write(plan.runs.write_json())"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(lengths),
        capture_output=True,
        check=True,
    )
    plan = fastpack.plan(lengths, context_length=512, strategy="optimal")
    assert run.stdout.decode() == plan.runs.write_json()  # and HiGHS printed nothing


@pytest.mark.parametrize("rules", [{}, {"block_documents": 250}])
def test_the_same_by_any_number_of_threads_and_after_others(monkeypatch, rules):
    frame = pl.DataFrame({"n_tokens": normal(600, context_length=128)})
    rules = {"context_length": 128, "strategy": "optimal", **rules}
    expected = fastpack.plan(frame, **rules)
    table = expected.assign(frame)
    monkeypatch.setattr(threads, "ROWS_A_THREAD", 100)
    for n_cores in (1, 7):
        monkeypatch.setattr(threads, "n_cores", lambda n=n_cores: n)
        fastpack.plan(normal(100, 0.45, 0.1), context_length=512, strategy="optimal")
        assert fastpack.pack(frame, **rules).equals(table)
    with ThreadPoolExecutor(2) as executor:
        plans = list(executor.map(lambda _: fastpack.plan(frame, **rules), range(2)))
    for plan in plans:
        assert plan.runs.equals(expected.runs)
        assert plan.certificate.prices.equals(expected.certificate.prices)


def test_blocks_are_searched_one_by_one():
    lengths = normal(600, context_length=128)
    frame = pl.DataFrame({"n_tokens": lengths, "g": ["a", "b", "c"] * 200})
    rules = {"context_length": 128, "by": "g", "strategy": "optimal"}
    plan = fastpack.plan(frame, block_documents=250, **rules)
    starts = (0, 250, 500)
    blocks = [fastpack.plan(frame[start : start + 250], **rules) for start in starts]
    certificate = plan.certificate
    for name in ("n_bins", "lower_bound", "iterations"):
        of_blocks = [getattr(block.certificate, name) for block in blocks]
        assert getattr(certificate, name) == sum(of_blocks)
    assert all(block.certificate.gap <= 0.0005 for block in blocks) == (
        certificate.ended_by == "gap"
    )
    prices = certificate.prices
    assert prices.columns == ["block", "g", "chunk_length", "price"]
    for number, block in enumerate(blocks):
        of_block = prices.filter(block=number).drop("block")
        assert of_block.equals(block.certificate.prices)
        assert plan.runs.filter(block=number).height == block.runs.height


def test_no_clock_before_the_limit(monkeypatch):
    """A search that takes ten times as long ends the same way."""
    lengths = normal(450, context_length=128)
    frame = pl.DataFrame({"n_tokens": lengths, "g": ["a", "b", "c"] * 150})
    rules = {"context_length": 128, "by": "g", "strategy": "optimal"}
    expected = fastpack.plan(frame, **rules, time_limit=1e6)
    now = time.monotonic()
    clock = itertools.count(now, 100)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    plan = fastpack.plan(frame, **rules, time_limit=1e6)
    assert plan.certificate.seconds > 1000
    assert plan.runs.equals(expected.runs)


def test_no_time():
    lengths = normal(1000)
    best_fit = fastpack.plan(lengths, context_length=512)
    plan = fastpack.plan(lengths, context_length=512, strategy="optimal", time_limit=0)
    assert plan.certificate.ended_by == "time"
    assert plan.runs.equals(best_fit.runs)
    assert plan.lower_bound == best_fit.lower_bound
    assert plan.certificate.gap == plan.n_bins / plan.lower_bound - 1


def test_no_time_for_groups(monkeypatch):
    """The groups that are left are not even begun: there may be 100,000."""
    frame = pl.DataFrame({"n_tokens": normal(60, context_length=128)})
    frame = frame.with_columns(g=pl.int_range(pl.len()) % 6)
    rules = {"context_length": 128, "by": "g", "strategy": "optimal"}
    rules |= {"optimality_gap": 0}
    assert fastpack.plan(frame, **rules).certificate.iterations > 0
    monkeypatch.setattr(place, "Search", None)
    certificate = fastpack.plan(frame, **rules, time_limit=0).certificate
    assert certificate.ended_by == "time"
    assert certificate.iterations == 0


@pytest.mark.parametrize("gap", [0, 1e-9])
def test_a_gap_that_cannot_be_reached(gap):
    # Three 34s do not fit: the relaxation needs 3 bins and a half, no packing knows.
    lengths = np.array([34] * 7 + [32, 32])
    plan = fastpack.plan(
        lengths, context_length=100, strategy="optimal", optimality_gap=gap
    )
    assert plan.n_bins == optimum(lengths.tolist(), 100, 99)
    assert plan.certificate.ended_by == (
        "gap" if plan.n_bins == plan.lower_bound else "search"
    )


@pytest.mark.parametrize(
    ("lengths", "n_bins"),
    [
        ([30, 22, 20, 16, 16, 14], 2),
        ([30, 27, 27, 23, 21, 15, 13, 13], 3),
        ([34, 29, 28, 27, 24, 22, 20, 18], 4),
    ],
)
def test_a_few_chunks_are_tried_in_all_ways(lengths, n_bins):
    plan = fastpack.plan(lengths, context_length=60, **OPTIMAL)
    assert plan.n_bins == n_bins == optimum(lengths, 60, 99)
    fastpack.verify(plan.assign(lengths), lengths, context_length=60)


def test_too_many_ways_are_given_up(monkeypatch):
    monkeypatch.setattr(exhaustive, "_MOST_STEPS", 3)
    lengths = [30, 22, 20, 16, 16, 14]
    plan = fastpack.plan(lengths, context_length=60, **OPTIMAL)
    assert plan.n_bins in {2, 3}


def test_an_optimum_above_the_bound_is_told_as_it_is():
    # All of 60 tokens in 3 bins of 20, but no 8 fits beside a 7 and a 6.
    lengths = np.array([8, 8, 8, 7, 7, 7, 5, 5, 5])
    plan = fastpack.plan(lengths, context_length=20, **OPTIMAL)
    assert plan.n_bins == optimum(lengths.tolist(), 20, 99)
    assert plan.lower_bound <= plan.n_bins


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 40, 83])
def test_triplets(n):
    plan = fastpack.plan(triplets(n, seed=n), context_length=1000, **OPTIMAL)
    assert plan.lower_bound == n
    assert plan.n_bins <= n + 1


@pytest.mark.slow
def test_classical_instances():
    """At most one bin above the relaxation, rounded up (see benchmarks/optimal.py)."""
    rng = np.random.default_rng(1)
    instances = [(150, rng.integers(20, 101, n)) for n in (120, 250, 500)]
    instances += [(c, rng.integers(1, 101, 200)) for c in (100, 120, 150)]
    instances += [(1000, rng.integers(56, 167, n)) for n in (50, 100)]
    instances += [(100_000, rng.integers(20_000, 35_001, 200))]
    for capacity, lengths in instances:
        plan = fastpack.plan(lengths, context_length=capacity, **OPTIMAL)
        assert plan.n_bins - plan.lower_bound <= 1


@pytest.mark.slow
@pytest.mark.parametrize("context_length", [65_536, 100_000, 2**31 - 1])
def test_large_bins_are_counted_in_units(context_length):
    lengths = (normal(40, context_length=1000) * (context_length / 1000)).astype(int)
    lengths = np.append(lengths, [1, 2, 3])
    plan = fastpack.plan(lengths, context_length=context_length, strategy="optimal")
    best_fit = fastpack.plan(lengths, context_length=context_length)
    assert best_fit.lower_bound <= plan.lower_bound <= plan.n_bins <= best_fit.n_bins
    fastpack.verify(plan.assign(lengths), lengths, context_length=context_length)
    assert plan.certificate.ended_by != "gap" or plan.certificate.gap <= 0.0005
    restored = pickle.loads(pickle.dumps(plan))
    assert restored.certificate == plan.certificate


def test_groups_share_the_time_and_the_gap():
    lengths = [normal(400, seed=seed, context_length=128) for seed in range(4)]
    frame = pl.DataFrame(
        {"n_tokens": np.concatenate(lengths), "source": np.repeat(list("abcd"), 400)}
    ).vstack(pl.DataFrame({"n_tokens": [0, 128, 7], "source": ["e", "f", "g"]}))
    rules = {"context_length": 128, "by": "source"}
    searched = {**rules, "strategy": "optimal", "optimality_gap": 0.005}
    plan = fastpack.plan(frame, **searched)
    assert plan.certificate.ended_by == "gap"
    assert plan.certificate.gap <= 0.005
    prices = plan.certificate.prices
    assert prices.columns == ["source", "chunk_length", "price"]
    assert {"a"} < set(prices["source"]) <= set("abcd")
    assert plan.groups["lower_bound"].sum() == plan.lower_bound
    fastpack.verify(plan.assign(frame), frame, **rules)


def test_prices_are_a_proof():
    plan = fastpack.plan(normal(2000), context_length=512, strategy="optimal")
    prices = dict(plan.certificate.prices.iter_rows())
    most = [0] * 513
    for c in range(1, 513):
        ends = (most[c - w] + price for w, price in prices.items() if w <= c)
        most[c] = max(most[c - 1], *ends, 0)
    lengths, counts = np.unique(normal(2000), return_counts=True)
    total = sum(
        prices[length] * count
        for length, count in zip(lengths.tolist(), counts.tolist(), strict=True)
    )
    assert plan.lower_bound == -(-total // most[512])


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"strategy": "best"}, OptionError, "`strategy`"),
        ({"time_limit": -1}, OptionError, "`time_limit` must be at least 0"),
        ({"time_limit": float("nan")}, OptionError, "and finite, got nan"),
        ({"time_limit": None}, OptionTypeError, "`time_limit` must be a number"),
        ({"optimality_gap": -0.1}, OptionError, "at least 0, and less than 1"),
        ({"optimality_gap": 5}, OptionError, "got 5\nHint: .* 0.0005 is 0.05 %"),
        ({"optimality_gap": "1"}, OptionTypeError, "`optimality_gap` must be a number"),
        ({"optimality_gap": True}, OptionTypeError, "got True"),
        ({"optimality_gap": [0, 1]}, OptionTypeError, r"got \[0, 1\]"),
        ({"time_limit": 10**400}, OptionTypeError, "must be a number"),
        ({"optimality_gap": float("inf")}, OptionError, "less than 1, got inf"),
    ],
)
def test_rules_that_cannot_be_right(rules, error, message):
    with pytest.raises(error, match=message):
        fastpack.plan([8], context_length=8, **rules)


def test_highspy_is_absent(monkeypatch):
    monkeypatch.setattr(master, "find_spec", lambda _: None)
    message = "highspy, which is not installed\nHint: pip install 'fastpack-llm"
    for lengths in (normal(100), [8]):
        with pytest.raises(MissingExtraError, match=message):
            fastpack.plan(lengths, context_length=512, strategy="optimal")
    assert fastpack.plan([8], context_length=512).n_bins == 1
