"""Boundaries: the chunks of each sequence, in order -> a number for each value."""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel


@kernel
def number_values(
    first: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int32],
    sequence_starts: npt.NDArray[np.int64],
    by_position: bool,  # noqa: FBT001 -- a kernel takes no keywords
    ids: npt.NDArray[np.int32],
) -> None:
    """Write to each value its position in its chunk, or the number of that chunk.

    Parameters
    ----------
    first
        The place of each sequence's first chunk in `offsets` and `lengths`, shape
        (n + 1,).
    offsets, lengths
        The first value of each chunk in its sequence, and its values: by sequence, then
        by offset.
    sequence_starts
        The place of each sequence's first value in `ids`, shape (n + 1,).
    by_position
        Whether values are numbered from 0 in each chunk; or each has the number of its
        chunk, from 1 in each sequence.
    ids
        The result; 0 where there is no chunk.
    """
    step = 1 if by_position else 0
    for b in range(first.size - 1):
        start = sequence_starts[b]
        end = start
        for k in range(first[b], first[b + 1]):
            place = start + offsets[k]
            ids[end:place] = 0
            end = place + lengths[k]
            chunk = ids[place:end]
            number = 0 if by_position else k - first[b] + 1
            for j in range(chunk.size):
                chunk[j] = number + j * step
        ids[end : sequence_starts[b + 1]] = 0
