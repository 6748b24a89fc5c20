"""Numbering: the verifier's inverse of the shuffle, and the order of bins."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import numbering
from fastpack.kernels.shuffling import round_keys, shuffle_bins

NONE = np.empty(0, np.int32)


def unshuffle(bins, n_bins, keys):
    """Undo the shuffle of all bins: those of one block."""
    return numbering.unshuffle(bins, np.array([0, n_bins]), keys.reshape(1, -1))


@given(st.integers(1, 5000), st.integers(0, 2**64 - 1))
def test_numbers_before_the_shuffle(n, seed):
    numbers = np.arange(n)
    shuffled = numbers.copy()
    keys = round_keys(seed)
    shuffle_bins(shuffled, n, keys)
    assert unshuffle(shuffled, n, keys).tolist() == numbers.tolist()
    for number in (0, n // 2, n - 1):
        again = numbering.renumber(number, n, keys, numbering.SHUFFLE)
        assert again == shuffled[number]


@given(st.integers(1, 2**62), st.integers(0, 2**64 - 1))
def test_many_bins(n, seed):
    numbers = np.unique([0, 1 % n, n // 3, n - 1])
    shuffled = numbers.copy()
    shuffle_bins(shuffled, n, round_keys(seed))
    assert (unshuffle(shuffled, n, round_keys(seed)) == numbers).all()


def test_what_is_no_bin_stays():
    bins = np.array([-7, -1, 5, 10**9])
    assert unshuffle(bins, 5, round_keys(1)).tolist() == bins.tolist()


def test_what_is_no_bin_stays_among_many_that_are():
    first_bins, keys = np.array([0, 3, 3003]), np.array([round_keys(1), round_keys(2)])
    shuffled = np.arange(3003)
    shuffle_bins(shuffled[:3], 3, keys[0])
    shuffle_bins(shuffled[3:], 3000, keys[1], 3)
    others = np.array([-1, -(2**63), 2**63 - 1, 3003])
    places = np.random.default_rng(3).integers(0, 3003, 500)
    bins = np.insert(shuffled, places, np.resize(others, 500))
    expected = np.insert(np.arange(3003), places, np.resize(others, 500))
    assert numbering.unshuffle(bins, first_bins, keys).tolist() == expected.tolist()


def test_the_bins_of_each_block():
    first_bins = np.array([0, 0, 7, 7, 100, 101])
    keys = np.array([round_keys(seed) for seed in range(5)])
    shuffled = np.arange(101)
    for block, (first, end) in enumerate(pairwise(first_bins)):
        shuffle_bins(shuffled[first:end], end - first, keys[block], first)
    rows = np.random.default_rng(0).permutation(101)
    assert (
        numbering.unshuffle(shuffled[rows], first_bins, keys).tolist() == rows.tolist()
    )


def test_the_order_begins_anew_in_each_block():
    first_chunks = np.array([9, 5, 9, 5, 6, 9, 5, 6, 4], np.int32)  # 6: added
    for starts, expected in (([0, 2, 5], -1), ([0, 2], 5), ([2, 5], -1), ([0, 5], 4)):
        order = np.zeros(1, numbering.ORDER)[0]
        arguments = (NONE, first_chunks, np.zeros(1, np.int32), 2)
        place = numbering.check_order(9, *arguments, np.array(starts, np.int64), order)
        assert place == expected, starts


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize(
    ("groups", "first_chunks", "max_added", "expected"),
    [
        ([], [9, 9, 7, 1], 0, -1),
        ([], [9, 8, 9, 1], 0, 2),
        ([], [9, 8, 9, 1], 2, -1),  # two bins were added
        ([], [9, 8, 9, 1], 1, 3),
        ([], [9, 8, 9, 9, 1, 2], 9, 5),  # in the same order again, but once
        ([2, 2, 1, 1, 3], [], 0, -1),  # the group 1, with rank 0, comes first
        ([2, 1, 2], [], 0, 2),
        ([1], [], 0, -1),
        ([2, 2, 1], [5, 2, 7], 0, -1),
        ([2, 2, 1], [2, 5, 7], 0, 1),
        ([2, 2, 1, 1, 3], [2, 5, 7, 8, 1], 2, -1),
        ([2, 2, 1, 1, 3], [2, 5, 7, 8, 1], 1, 3),
    ],
)
def test_order_of_bins(groups, first_chunks, max_added, expected, parts):
    ranks = np.array([1, 0, 2], np.int32)
    order = np.zeros(1, numbering.ORDER)[0]
    n = max(len(groups), len(first_chunks))
    found = -1
    for places in np.array_split(np.arange(n), parts):
        place = numbering.check_order(
            places.size,
            np.array(groups, np.int32)[places] if groups else NONE,
            np.array(first_chunks, np.int32)[places] if first_chunks else NONE,
            ranks,
            max_added,
            np.empty(0, np.int64),
            order,
        )
        if place >= 0:
            found = places[place]
            break
    assert found == expected
