"""The table of hashes, against a dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels.lookup import find_hashes, insert_hashes

# Few low bits, so that many hashes start at one place.
HASHES = st.integers(0, 7) | st.integers(0, 2**64 - 1).map(lambda bits: bits >> 3 << 3)


@given(st.lists(HASHES, max_size=40, unique=True), st.lists(HASHES, max_size=40))
def test_every_hash_has_its_number(known, asked):
    size = 1 << (2 * len(known)).bit_length()
    keys, numbers = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    assert insert_hashes(np.array(known, np.uint64), keys, numbers)
    asked = [*known, *asked]
    found = np.empty(len(asked), np.int32)
    find_hashes(np.array(asked, np.uint64), keys, numbers, found)
    expected = {each: number for number, each in enumerate(known)}
    assert found.tolist() == [expected.get(each, -1) for each in asked]


def test_two_values_of_one_hash_are_told():
    keys, numbers = np.zeros(8, np.uint64), np.full(8, -1, np.int32)
    assert not insert_hashes(np.array([5, 13, 5], np.uint64), keys, numbers)
