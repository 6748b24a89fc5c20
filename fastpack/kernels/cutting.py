"""Cut: lengths of long documents -> the number of chunks of each length."""

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel


@kernel
def cut_long(
    lengths: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    max_chunk: int,
    min_chunk: int,
    chunks: npt.NDArray[np.int64],
) -> None:
    """Cut documents longer than `max_chunk`, all of one length at a time.

    Parameters
    ----------
    lengths, counts
        The distinct lengths of the documents, in tokens, and the number of each.
    max_chunk, min_chunk
        The length of a full chunk, and of the shortest remainder that is kept.
    chunks
        Shape (max_chunk + 1,): ``chunks[w]`` grows by the chunks of ``w`` tokens.
    """
    size = np.uint64(max_chunk)  # unsigned division takes half the time
    n_full = np.int64(0)
    for i in range(lengths.size):
        length = np.uint64(lengths[i])
        full = length // size
        remainder = length - full * size
        n_full += np.int64(full) * counts[i]
        if np.int64(remainder) >= min_chunk:
            chunks[remainder] += counts[i]
    chunks[size] += n_full
