"""Counting: lengths into a table, and the few that it has no place for."""

import numpy as np
import pytest

from fastpack.kernels.counting import count_lengths


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_counts_what_fits_and_copies_out_the_rest(dtype):
    lengths = np.array([3, -1, 0, 3, 4, np.iinfo(dtype).max, 1, -7], dtype)
    counts = np.zeros(4, np.int64)
    others = np.zeros(2 * lengths.size, np.int64)
    assert count_lengths(lengths, None, 1, counts, others) == (lengths.size, 4)
    assert counts.tolist() == [1, 1, 0, 2]
    assert lengths[others[:4]].tolist() == [-1, 4, np.iinfo(dtype).max, -7]


def test_goes_on_with_the_counts_it_is_given():
    lengths = np.arange(1000, dtype=np.int64) % 10
    counts = np.full(10, 5, np.int64)
    assert count_lengths(lengths, None, 1, counts, np.zeros(64, np.int64)) == (1000, 0)
    assert counts.tolist() == [105] * 10


@pytest.mark.parametrize("room", [2, 3, 8, 100])
def test_stops_where_there_is_no_room(room):
    lengths = np.arange(100) % 7
    counts = np.zeros(4, np.int64)
    others = np.zeros(room, np.int64)
    found = []
    n_calls = n_read = 0
    while n_read < lengths.size:
        rest = lengths[n_read:]
        n_more, n_others = count_lengths(rest, None, 1, counts, others)
        assert n_more > 0
        found += rest[others[:n_others]].tolist()
        n_read += n_more
        n_calls += 1
    assert counts.tolist() == [15, 15, 14, 14]
    assert found == [length for length in lengths.tolist() if length > 3]
    assert (n_calls > 1) == (room < 80)


def test_counts_by_group():
    lengths = np.array([3, 0, 3, 4, 1, 3])
    groups = np.array([0, 1, 1, 0, 1, 0], np.int32)
    counts = np.zeros(8, np.int64)
    others = np.zeros(64, np.int64)
    assert count_lengths(lengths, groups, 2, counts, others) == (6, 1)
    assert counts.reshape(4, 2).tolist() == [[0, 1], [0, 1], [0, 0], [2, 1]]
    assert others[0] == 3
