"""The segment tree and the space lists, step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import best_fit as kernel
from fastpack.packing.spaces import check_spaces, new_spaces
from oracle import Rules, best_fit_decreasing


def run_steps(chunk_lengths, capacity):
    """Yield (spaces, run) after each single step, with every invariant checked."""
    lengths, counts = np.unique(np.array(chunk_lengths, np.int64), return_counts=True)
    lengths, counts = lengths[::-1].copy(), counts[::-1].copy()
    spaces = new_spaces(capacity, lengths.size)
    check_spaces(spaces, capacity)
    one_run = np.zeros(1, kernel.RUN)
    while kernel.best_fit_decreasing(
        spaces, capacity, lengths, lengths, counts, 2**31, one_run
    ):
        check_spaces(spaces, capacity)
        yield spaces, one_run[0].copy()
    assert not counts.any()


def lists_of(spaces, capacity):
    """Return space -> [(first bin, bins), ...] in list order, but no empty bins."""
    lists = {}
    for space in range(1, capacity):
        node = int(spaces.heads[space])
        while node:
            first, bins, _, following = spaces.nodes[node].tolist()
            lists.setdefault(space, []).append((first, bins))
            node = following
    return lists


def test_worked_example_of_the_paper():
    # Ding et al. (2024), Figure 3: L = 8, after 8, 6, 6 and 4 comes a chunk of 3.
    spaces = new_spaces(8, 4)
    assert spaces.tree.tolist() == [0b10000000]

    steps = []
    for spaces, run in run_steps([8, 6, 6, 4, 3], 8):
        place = (
            int(run["chunk_length"]),
            int(run["first_bin"]),
            int(run["bins"]),
            int(run["chunks_per_bin"]),
            int(run["bin_offset"]),
        )
        n_bins = int(spaces.nodes[kernel.EMPTY_BINS]["first"])
        steps.append((place, n_bins, lists_of(spaces, 8), spaces.tree.tolist()))

    assert steps == [
        ((8, 0, 1, 1, 0), 1, {}, [0b10000000]),
        ((6, 1, 2, 1, 0), 3, {2: [(1, 2)]}, [0b10000010]),
        ((4, 3, 1, 1, 0), 4, {2: [(1, 2)], 4: [(3, 1)]}, [0b10001010]),
        ((3, 3, 1, 1, 4), 4, {1: [(3, 1)], 2: [(1, 2)]}, [0b10000011]),
    ]


def test_drawing_in_the_docstring_is_what_the_arrays_hold():
    for spaces, run in run_steps([8, 6, 6, 4, 3], 8):
        if run["chunk_length"] == 4:
            assert spaces.tree.tolist() == [0b10001010]
            assert spaces.levels.tolist() == [0]
            assert spaces.heads.tolist() == [0, 0, 2, 0, 3, 0, 0, 0, 1]
            assert spaces.nodes["first"][1:4].tolist() == [4, 1, 3]
            assert spaces.nodes["bins"][2:4].tolist() == [2, 1]
            assert spaces.nodes["held"][1:4].tolist() == [0, 1, 1]
            assert spaces.nodes["next"][1:4].tolist() == [0, 0, 0]
            return
    pytest.fail("the step was not reached")


@given(
    capacity=st.integers(1, 70),
    parts=st.lists(st.integers(1, 70), min_size=1, max_size=60),
)
def test_invariants_and_spaces_after_every_step(capacity, parts):
    chunks = [min(part, capacity) for part in parts]
    spaces = None
    placed = 0
    for step_spaces, run in run_steps(chunks, capacity):
        spaces = step_spaces
        placed += int(run["bins"]) * int(run["chunks_per_bin"])
        longest = sorted(chunks, reverse=True)[:placed]
        expected = best_fit_decreasing(longest, Rules(capacity))
        left = [
            space
            for space, ranges in lists_of(spaces, capacity).items()
            for _, bins in ranges
            for _ in range(bins)
        ]
        assert sorted(left) == sorted(space for space in expected if space)
        assert int(spaces.nodes[kernel.EMPTY_BINS]["first"]) == len(expected)
    assert placed == len(chunks)


# One word, two levels (up to 4,096 spaces), and a step beyond each.
CAPACITIES = [1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 10_000]


@given(
    capacity=st.sampled_from(CAPACITIES) | st.integers(1, 10_000),
    operations=st.lists(st.tuples(st.booleans(), st.integers(0, 2**20)), max_size=50),
    asked=st.lists(st.integers(0, 2**20), min_size=1, max_size=20),
)
def test_tree_alone_against_a_set(capacity, operations, asked):
    tree, levels, *_ = new_spaces(capacity, 1)
    assert levels.size == 1 + (capacity > 64) + (capacity > 4096)
    present = {capacity}
    for insert, number in operations:
        space = 1 + number % capacity
        if insert:
            kernel.set_leaf(tree, levels, space)
            present.add(space)
        elif space != capacity:
            kernel.clear_leaf(tree, levels, space)
            present.discard(space)
        wanted = [1, capacity, space, *(1 + each % capacity for each in asked)]
        for length in wanted:
            assert kernel.find_best_fit(tree, levels, length) == min(
                space for space in present if space >= length
            )


def test_the_number_of_the_lowest_bit():
    for bit in range(64):
        for above in (0, 2**63, 2**64 - 1):
            word = np.uint64((1 << bit | above) >> bit << bit)
            assert kernel.lowest_bit(word) == bit


@pytest.mark.parametrize("capacity", [2**18, 2**18 + 1, 2**31 - 1])
def test_large_trees(capacity):
    tree, levels, *_ = new_spaces(capacity, 1)
    assert levels.size == {2**18: 3, 2**18 + 1: 4, 2**31 - 1: 6}[capacity]
    for space in (1, 64, 4097, capacity // 2, capacity - 1):
        kernel.set_leaf(tree, levels, space)
        assert kernel.find_best_fit(tree, levels, space) == space
        assert kernel.find_best_fit(tree, levels, max(space - 40, 1)) == space
        kernel.clear_leaf(tree, levels, space)
        assert kernel.find_best_fit(tree, levels, space) == capacity


def test_runs_beyond_the_buffer_are_the_same():
    rng = np.random.default_rng(7)
    chunks = rng.integers(1, 500, 3000)
    one_by_one = [run for _, run in run_steps(chunks, 500)]
    lengths, counts = np.unique(chunks, return_counts=True)
    lengths = np.ascontiguousarray(lengths[::-1])
    spaces = new_spaces(500, lengths.size)
    runs = np.zeros(10_000, kernel.RUN)
    n_runs = kernel.best_fit_decreasing(
        spaces, 500, lengths, lengths, counts[::-1].copy(), 2**31, runs
    )
    assert n_runs == len(one_by_one)
    assert runs[:n_runs].tolist() == [run.item() for run in one_by_one]
