"""Cut: a histogram of documents -> the number of chunks of each length."""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel


@kernel
def count_chunks(
    lengths: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    max_chunk: int,
    min_chunk: int,
    table: npt.NDArray[np.int64],
    chunk_lengths: npt.NDArray[np.int64],
    chunk_counts: npt.NDArray[np.int64],
) -> int:
    """Cut documents longer than `max_chunk`, all of one length at a time.

    Parameters
    ----------
    lengths, counts
        The distinct lengths of the documents, in tokens, and the number of each.
    max_chunk, min_chunk
        The length of a full chunk, and of the shortest remainder that is kept.
    table
        Room to count in, shape (max_chunk + 1,): ``table[w]`` is the number of chunks
        of ``w`` tokens that there are besides.
    chunk_lengths, chunk_counts
        Outputs, with room for all: the distinct lengths of the chunks, longest first,
        and the number of each.

    Returns
    -------
    int
        How many distinct lengths there are.
    """
    size = np.uint64(max_chunk)  # unsigned division takes half the time
    n_full = np.int64(0)
    for i in range(lengths.size):
        length = np.uint64(lengths[i])
        if length <= size:
            table[length] += counts[i]
            continue
        full = length // size
        remainder = length - full * size
        n_full += np.int64(full) * counts[i]
        if np.int64(remainder) >= min_chunk:
            table[remainder] += counts[i]
    table[size] += n_full
    n = 0
    for chunk in range(max_chunk, 0, -1):
        if table[chunk]:
            chunk_lengths[n] = chunk
            chunk_counts[n] = table[chunk]
            n += 1
    return n
