"""Bins filled by patterns: as a plain filling, chunk by chunk."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.rounding import fill_bins


def fill_one_by_one(patterns, uses, largest, sizes, most_unused, left):
    """Fill bin by bin, chunk by chunk; count down `left`."""
    bins = []
    for (classes, times), use in zip(patterns, uses, strict=True):
        for _ in range(use):
            unused, item, taken = 0, len(left) - 1, []
            for number, n_times in zip(classes, times, strict=True):
                for _ in range(n_times):
                    unused += sizes[largest[number]]
                    while item >= 0 and (
                        left[item] <= taken.count(item) or sizes[item] > unused
                    ):
                        item -= 1
                    if item >= 0:
                        taken.append(item)
                        unused -= sizes[item]
            if not taken or unused > most_unused:
                break
            for item in taken:
                left[item] -= 1
            bins.append(tuple(taken))
    return bins


@st.composite
def fillings(draw):
    sizes = sorted(draw(st.sets(st.integers(1, 40), min_size=1, max_size=8)))
    left = [draw(st.integers(0, 9)) for _ in sizes]
    ends = draw(st.sets(st.integers(0, len(sizes) - 1), max_size=4))
    largest = sorted(ends | {len(sizes) - 1})
    patterns, uses = [], []
    for _ in range(draw(st.integers(0, 5))):
        classes = draw(st.sets(st.integers(0, len(largest) - 1), min_size=1))
        classes = sorted(classes, reverse=True)
        patterns.append((classes, [draw(st.integers(1, 3)) for _ in classes]))
        uses.append(draw(st.integers(0, 6)))
    return patterns, uses, largest, sizes, draw(st.integers(0, 60)), left


def as_patterns(patterns):
    lengths = [len(classes) for classes, _ in patterns]
    return Patterns(
        np.append(0, np.cumsum(lengths)).astype(np.int64),
        np.array([i for classes, _ in patterns for i in classes], np.int32),
        np.array([n for _, times in patterns for n in times], np.int32),
    )


@given(fillings())
def test_as_one_by_one(filling):
    patterns, uses, largest, sizes, most_unused, left = filling
    counted = np.array(left, np.int64)
    bins = fill_bins(
        as_patterns(patterns),
        np.array(uses, np.int64),
        np.array(largest, np.int64),
        np.array(sizes, np.int64),
        most_unused=most_unused,
        left=counted,
    )
    expected = fill_one_by_one(patterns, uses, largest, sizes, most_unused, left)
    found = []
    starts = bins.patterns.starts
    for number, use in enumerate(bins.uses.tolist()):
        span = slice(starts[number], starts[number + 1])
        items, times = bins.patterns.items[span], bins.patterns.times[span]
        assert np.all(np.diff(items) < 0)
        assert use > 0
        found += [tuple(np.repeat(items, times).tolist())] * use
    assert found == expected
    assert counted.tolist() == left


def test_more_bins_than_there_is_room_for():
    n = 3000
    sizes = np.arange(1, n + 1)
    patterns = Patterns.of_items(np.array([1]), np.array([2]))
    left = np.ones(n, np.int64)
    bins = fill_bins(
        patterns,
        np.array([n]),
        np.array([0, n - 1]),
        sizes,
        most_unused=10 * n,
        left=left,
    )
    assert not left.any()
    assert bins.uses.sum() == n // 2
