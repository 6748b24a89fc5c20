"""Validity of runs: what is taken for a packing is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from fastpack import DataError
from fastpack.packing.validity import check_runs
from oracle import check_assignment
from strategies import options_of, packings

NUMBERS = ("first_bin", "bins", "chunk_length", "chunks_per_bin", "bin_offset", "group")


@given(
    packings(),
    st.booleans(),
    st.lists(
        st.tuples(st.integers(0, 99), st.sampled_from(NUMBERS), st.integers(-9, 9)),
        max_size=3,
    ),
)
@settings(max_examples=100)
def test_what_passes_is_a_packing(packing, is_optimal, changes):
    """Runs that were changed anywhere are refused, or are another packing."""
    frame, rules, by, _ = packing
    strategy = "optimal" if is_optimal else "best_fit"
    options = options_of(rules, by, None, strategy=strategy)
    columns = frame.select(*by, "n_tokens")
    plan = fastpack.plan(columns, **options)
    (block,) = plan.blocks
    n_bins = check_runs(block.records, block.chunks, block.options)
    assert sum(n_bins) == plan.n_bins
    for row, name, change in changes:
        if block.records.size:
            block.records[name][row % block.records.size] += change
    is_long = block.records["chunk_length"].astype(np.int64)
    block.records["footprint"] = block.options.footprints(is_long)
    try:
        n_bins = check_runs(block.records, block.chunks, block.options)
    except DataError:
        return
    spaces = check_assignment(plan.assign(columns), frame["n_tokens"], rules)
    assert len(spaces) == sum(n_bins)


@pytest.mark.parametrize(("length", "group"), [(8, 1), (-6, -1), (15, 2)])
def test_lengths_and_groups_whose_keys_are_those_of_others(length, group):
    plan = fastpack.plan([1], context_length=6)
    (block,) = plan.blocks
    block.records["chunk_length"] = length
    block.records["group"] = group
    with pytest.raises(DataError):
        check_runs(block.records, block.chunks, block.options)


@pytest.mark.parametrize("n_bins", [3, 4])
def test_bins_multiple(n_bins):
    plan = fastpack.plan([8, 6, 6, 4, 3], context_length=8)
    (block,) = plan.blocks
    options = fastpack.PackingOptions(context_length=8, bins_multiple=n_bins)
    if n_bins == 4:
        assert check_runs(block.records, block.chunks, options) == [4]
        return
    with pytest.raises(DataError, match="no multiple of `bins_multiple`"):
        check_runs(block.records, block.chunks, options)
