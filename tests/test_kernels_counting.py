import numpy as np
import pytest

from fastpack.kernels.counting import count_lengths


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_counts_what_fits_and_copies_out_the_rest(dtype):
    lengths = np.array([3, -1, 0, 3, 4, np.iinfo(dtype).max, 1, -7], dtype)
    counts = np.zeros(4, np.int64)
    others = np.zeros(lengths.size, np.int64)
    assert count_lengths(lengths, counts, others) == 4
    assert counts.tolist() == [1, 1, 0, 2]
    assert others[:4].tolist() == [-1, 4, np.iinfo(dtype).max, -7]


def test_goes_on_with_the_counts_it_is_given():
    lengths = np.arange(1000, dtype=np.int64) % 10
    counts = np.full(10, 5, np.int64)
    assert count_lengths(lengths, counts, np.zeros(1000, np.int64)) == 0
    assert counts.tolist() == [105] * 10
