"""The segment tree and the space lists, step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import best_fit as kernel
from oracle import Rules, best_fit_decreasing


def run_steps(chunk_lengths, capacity):
    """Yield (spaces, run) after each single step, with every invariant checked."""
    lengths, counts = np.unique(np.array(chunk_lengths, np.int64), return_counts=True)
    lengths, counts = lengths[::-1].copy(), counts[::-1].copy()
    spaces = kernel.new_spaces(capacity, lengths.size)
    kernel._check(spaces, capacity)
    one_run = np.zeros(1, kernel.RUN)
    while kernel.best_fit_decreasing(
        spaces, capacity, lengths, lengths, counts, 2**31, one_run
    ):
        kernel._check(spaces, capacity)
        yield spaces, one_run[0].copy()
    assert not counts.any()


def lists_of(spaces, capacity):
    """Return space -> [(first bin, bins), ...] in list order, but no empty bins."""
    lists = {}
    for space in range(1, capacity):
        node = int(spaces.heads[space])
        while node:
            entry = (int(spaces.first[node]), int(spaces.bins[node]))
            lists.setdefault(space, []).append(entry)
            node = int(spaces.next[node])
    return lists


def test_worked_example_of_the_paper():
    # Ding et al. (2024), Figure 3: L = 8, after 8, 6, 6 and 4 comes a chunk of 3.
    tree_of_empty_bins = [0, 8, 0, 8, 0, 0, 0, 8] + [0] * 7 + [8]
    spaces = kernel.new_spaces(8, 4)
    assert spaces.tree.tolist() == tree_of_empty_bins

    steps = []
    for spaces, run in run_steps([8, 6, 6, 4, 3], 8):
        place = (
            int(run["chunk_length"]),
            int(run["first_bin"]),
            int(run["bins"]),
            int(run["chunks_per_bin"]),
            int(run["bin_offset"]),
        )
        n_bins = int(spaces.first[kernel.EMPTY_BINS])
        steps.append((place, n_bins, lists_of(spaces, 8), spaces.tree.tolist()))

    leaf_2 = [0, 8, 2, 8, 2, 0, 0, 8, 0, 2, 0, 0, 0, 0, 0, 8]
    leaves_2_and_4 = [0, 8, 4, 8, 2, 4, 0, 8, 0, 2, 0, 4, 0, 0, 0, 8]
    leaves_1_and_2 = [0, 8, 2, 8, 2, 0, 0, 8, 1, 2, 0, 0, 0, 0, 0, 8]
    assert steps == [
        ((8, 0, 1, 1, 0), 1, {}, tree_of_empty_bins),
        ((6, 1, 2, 1, 0), 3, {2: [(1, 2)]}, leaf_2),
        ((4, 3, 1, 1, 0), 4, {2: [(1, 2)], 4: [(3, 1)]}, leaves_2_and_4),
        ((3, 3, 1, 1, 4), 4, {1: [(3, 1)], 2: [(1, 2)]}, leaves_1_and_2),
    ]


def test_drawing_in_the_docstring_is_what_the_arrays_hold():
    for spaces, run in run_steps([8, 6, 6, 4, 3], 8):
        if run["chunk_length"] == 4:
            assert spaces.tree.tolist()[1:] == [
                8, 4, 8, 2, 4, 0, 8, 0, 2, 0, 4, 0, 0, 0, 8,
            ]  # fmt: skip
            assert spaces.heads.tolist() == [0, 0, 2, 0, 3, 0, 0, 0, 1]
            assert spaces.first[1:4].tolist() == [4, 1, 3]
            assert spaces.bins[2:4].tolist() == [2, 1]
            assert spaces.next[1:4].tolist() == [0, 0, 0]
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
        assert int(spaces.first[kernel.EMPTY_BINS]) == len(expected)
    assert placed == len(chunks)


@given(
    leaves=st.integers(1, 64),
    operations=st.lists(st.tuples(st.booleans(), st.integers(1, 64)), max_size=50),
)
def test_tree_alone_against_a_set(leaves, operations):
    spaces = kernel.new_spaces(leaves, 1)
    tree = spaces.tree
    present = {leaves}
    for insert, number in operations:
        space = 1 + number % leaves
        if insert:
            kernel.set_leaf(tree, space)
            present.add(space)
        elif space != leaves:
            kernel.clear_leaf(tree, space)
            present.discard(space)
        for length in range(1, leaves + 1):
            assert kernel.find_best_fit(tree, length) == min(
                space for space in present if space >= length
            )


def test_runs_beyond_the_buffer_are_the_same():
    rng = np.random.default_rng(7)
    chunks = rng.integers(1, 500, 3000)
    one_by_one = [run for _, run in run_steps(chunks, 500)]
    lengths, counts = np.unique(chunks, return_counts=True)
    lengths = np.ascontiguousarray(lengths[::-1])
    spaces = kernel.new_spaces(500, lengths.size)
    runs = np.zeros(10_000, kernel.RUN)
    n_runs = kernel.best_fit_decreasing(
        spaces, 500, lengths, lengths, counts[::-1].copy(), 2**31, runs
    )
    assert n_runs == len(one_by_one)
    assert runs[:n_runs].tolist() == [run.item() for run in one_by_one]
