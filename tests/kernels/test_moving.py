"""Moving: chunks of any dtype to their places, and none outside of the arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels.moving import move_chunks

DTYPES = [np.uint8, np.uint16, np.int32, np.int64, np.float64]


def move(source, starts, lengths, target, places, first_value=0):
    return move_chunks(
        source.view(np.uint8),
        first_value,
        np.array(starts, np.int64),
        np.array(lengths, np.int32),
        target.view(np.uint8),
        np.array(places, np.int64),
        source.itemsize,
    )


@given(
    lengths=st.lists(st.integers(0, 9), max_size=20),
    dtype=st.sampled_from(DTYPES),
    first=st.integers(0, 10**10),
    random=st.randoms(use_true_random=False),
)
def test_each_chunk_is_at_its_place(lengths, dtype, first, random):
    source = np.arange(sum(lengths) + 3).astype(dtype)
    starts = np.cumsum([0, *lengths])[:-1] + 3
    order = list(range(len(lengths)))
    random.shuffle(order)
    places = np.zeros(len(lengths), np.int64)
    end = 1
    for number in order:
        places[number] = end
        end += lengths[number]
    target = np.full(end, 7, dtype)
    source.flags.writeable = False
    moved = move(source, starts + first, lengths, target, places, first)
    assert moved == len(lengths)
    expected = [7]
    for number in order:
        expected += range(starts[number], starts[number] + lengths[number])
    assert target.tolist() == expected


@pytest.mark.parametrize(
    ("start", "length", "place"),
    [(0, 6, 0), (5, 1, 0), (-1, 1, 0), (0, 1, 8), (0, 1, -1), (0, -1, 0), (3, 3, 0)],
)
def test_a_chunk_that_is_outside_ends_it(start, length, place):
    source, target = np.arange(5, dtype=np.int16), np.zeros(8, np.int16)
    moved = move(source, [1, start, 0], [2, length, 5], target, [6, place, 0])
    assert moved == 1
    assert target.tolist() == [0] * 6 + [1, 2]
