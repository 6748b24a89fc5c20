"""Sums of hashes: a hash can be undone, so that a sum of some tells where they end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import verification
from fastpack.kernels.verification import COUNT_BITS, Key

NUMBERS = st.integers(0, 2**64 - 1).map(np.uint64)


@pytest.mark.parametrize("zero_bits", [0, COUNT_BITS])
@given(position=st.integers(0, 2**31), number=NUMBERS)
def test_a_hash_can_be_undone(zero_bits, position, number):
    key = Key(number, np.uint64(zero_bits))
    with np.errstate(over="ignore"):
        hashed = np.uint64(verification.mix(position, key))
        assert int(hashed) % 2**zero_bits == 0
        assert verification.unmix(hashed, key) == position


@pytest.mark.parametrize("zero_bits", [0, COUNT_BITS])
def test_hashes_are_spread(zero_bits):
    key = Key(np.uint64(12345), np.uint64(zero_bits))
    hashes = np.empty(1 << 10, np.uint64)
    with np.errstate(over="ignore"):
        verification.hash_positions(key, hashes)
    bits = np.unpackbits(hashes.view(np.uint8)).reshape(hashes.size, 64)
    used = bits.mean(axis=0)[bits.any(axis=0)]
    assert used.size == 64 - zero_bits
    # Each bit is set in half of 1,024 hashes: 0.5, give or take 5 standard deviations.
    assert np.abs(used - 0.5).max() < 5 * 0.5 / 32
