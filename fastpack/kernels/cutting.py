"""Cut: lengths of long documents -> their full chunks, and the remainders."""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel


@kernel
def cut_long(
    lengths: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    max_chunk: int,
    min_chunk: int,
    chunk_lengths: npt.NDArray[np.int64],
    chunk_counts: npt.NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Cut documents longer than `max_chunk`, all of one length at a time.

    Parameters
    ----------
    lengths, counts
        The distinct lengths of the documents, in tokens, and the number of each.
    max_chunk, min_chunk
        The length of a full chunk, and of the shortest remainder that is kept.
    chunk_lengths, chunk_counts
        Outputs, as long as the inputs: the remainders that are kept, not merged.

    Returns
    -------
    n_full, dropped, n_remainders
        The number of full chunks, the tokens of all remainders that are dropped, and
        the number of entries written. None exceeds the tokens of the corpus: int64.
    """
    size = np.uint64(max_chunk)  # unsigned division takes half the time
    n_full = np.int64(0)
    dropped = np.int64(0)
    n_remainders = 0
    for i in range(lengths.size):
        full = np.uint64(lengths[i]) // size
        remainder = lengths[i] - np.int64(full * size)
        n_full += np.int64(full) * counts[i]
        if remainder < min_chunk:
            dropped += remainder * counts[i]
        else:
            chunk_lengths[n_remainders] = remainder
            chunk_counts[n_remainders] = counts[i]
            n_remainders += 1
    return n_full, dropped, n_remainders
