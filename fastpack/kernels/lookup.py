"""Lookup: hashes of values -> the numbers of the values, by a table in memory.

Open addressing with linear probing, at most half full: `keys` has the hashes, `numbers`
the number of each, -1 in empty places. A search starts at the low bits of the hash.
"""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel


@kernel
def insert_hashes(
    hashes: npt.NDArray[np.uint64],
    keys: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int32],
) -> bool:
    """Put hashes, numbered in their order, into an empty table; False if two agree."""
    one = np.uint64(1)
    mask = np.uint64(keys.size) - one
    for i in range(hashes.size):
        place = hashes[i] & mask
        while numbers[place] >= 0:
            if keys[place] == hashes[i]:
                return False
            place = (place + one) & mask
        keys[place] = hashes[i]
        numbers[place] = i
    return True


@kernel
def find_hashes(
    hashes: npt.NDArray[np.uint64],
    keys: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int32],
    found: npt.NDArray[np.int32],
) -> None:
    """Write the number of each hash to `found`, -1 for an unknown one. 1 ns each."""
    one = np.uint64(1)
    mask = np.uint64(keys.size) - one
    for i in range(hashes.size):
        place = hashes[i] & mask
        while numbers[place] >= 0 and keys[place] != hashes[i]:
            place = (place + one) & mask
        found[i] = numbers[place]
