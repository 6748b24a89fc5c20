"""Lower bounds: below the optimum, and tight where they are known to be."""

import time
from fractions import Fraction
from math import ceil, floor

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack.packing.bounds import lower_bounds
from fastpack.packing.chunks import cut_into_chunks
from oracle import optimum


def bound(lengths, context_length, **rules):
    lengths = np.array(lengths, np.int64)
    return fastpack.plan(lengths, context_length=context_length, **rules).lower_bound


def plain_bound(lengths, capacity):
    """The same bounds by their definitions, in exact fractions."""
    bounds = [ceil(Fraction(sum(lengths), capacity))]
    for a in range(capacity // 2 + 1):
        huge = [n for n in lengths if n > capacity - a]
        large = [n for n in lengths if capacity - a >= n > capacity / 2]
        small = [n for n in lengths if capacity / 2 >= n >= a]
        more = ceil(
            Fraction(sum(small) - (len(large) * capacity - sum(large)), capacity)
        )
        bounds.append(len(huge) + len(large) + max(0, more))
    for k in range(1, 101):
        total = Fraction(0)
        for n in lengths:
            x = Fraction(n, capacity)
            is_whole = ((k + 1) * x).denominator == 1
            total += x if is_whole else Fraction(floor((k + 1) * x), k)
        bounds.append(ceil(total))
    return max(bounds)


@given(st.integers(1, 40), st.lists(st.integers(1, 40), max_size=12))
def test_the_definitions(capacity, lengths):
    lengths = [min(length, capacity) for length in lengths]
    assert bound(lengths, capacity) == plain_bound(lengths, capacity)


@given(st.lists(st.integers(1, 20), max_size=8), st.sampled_from([None, 1, 2, 3]))
def test_never_above_the_optimum(lengths, most):
    least = optimum(lengths, 20, most or 99)
    rules = {} if most is None else {"max_documents": most}
    plan = fastpack.plan(np.array(lengths, np.int64), context_length=20, **rules)
    assert plan.lower_bound <= least <= plan.n_bins


@pytest.mark.parametrize(
    ("lengths", "rules", "expected"),
    [
        ([], {}, 0),
        ([34] * 10, {}, 5),  # two a bin: only u(2) knows
        ([51] * 10, {}, 10),
        ([26] * 9, {}, 3),  # three a bin
        ([1] * 10, {"max_documents": 3}, 4),
        ([100] * 10 + [1] * 10, {"max_documents": 2}, 15),  # ten are alone
        ([99] * 5 + [2] * 9, {"max_documents": 3}, 8),
        ([99] * 5 + [2] * 9 + [1], {"max_documents": 3}, 8),  # beside the ones, not
        ([30] * 10, {"extra_tokens": 4}, 5),
        ([33] * 10, {"align": 50}, 5),
        ([51] * 10 + [1] * 10, {"bins_multiple": 8}, 16),
        ([250], {}, 3),
    ],
)
def test_bounds_that_are_known(lengths, rules, expected):
    assert bound(lengths, 100, **rules) == expected


def test_more_tokens_than_can_be_multiplied():
    histogram = fastpack.LengthHistogram([600], [2**50])
    assert fastpack.plan(histogram, context_length=1000).lower_bound == -(
        -600 * 2**50 // 1000
    )


@given(
    st.lists(st.lists(st.integers(1, 60), max_size=9), max_size=5), st.integers(1, 9)
)
def test_groups_have_the_bounds_of_each(groups, at_a_time):
    options = fastpack.PackingOptions(context_length=40, extra_tokens=1)
    chunks = [
        cut_into_chunks(
            fastpack.LengthHistogram.from_lengths(pl.Series(lengths)), options
        )
        for lengths in (np.array(group, np.int64) for group in groups)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastpack.packing.bounds._AT_A_TIME", at_a_time)
        together = lower_bounds(chunks, options)
    assert together == [lower_bounds([each], options)[0] for each in chunks]


@pytest.mark.slow
def test_many_groups_take_no_hundred_calls_each():
    n_groups = 30_000
    frame = pl.DataFrame(
        {
            "g": np.arange(4 * n_groups) % n_groups,
            "n_tokens": np.random.default_rng(4).integers(1, 2000, 4 * n_groups),
        }
    )
    plan = fastpack.plan(frame, context_length=2048, by="g")
    start = time.monotonic()
    assert plan.groups["lower_bound"].sum() == plan.lower_bound
    assert time.monotonic() - start < 15  # 60 once, 1.5 now
