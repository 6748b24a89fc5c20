"""Chunks -> runs: best-fit decreasing, by the kernel."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.chunking import Chunks


def place_chunks(chunks: Chunks, capacity: int) -> tuple[npt.NDArray[Any], int]:
    """Place all chunks; return the runs and the number of bins opened.

    A capacity beyond all tokens there are would only cost address space: `capacity` is
    at most their number, and the packing the same.
    """
    from fastpack.kernels import best_fit  # noqa: PLC0415

    n_lengths = chunks.lengths.size
    if n_lengths == 0:
        return np.empty(0, best_fit.RUN), 0
    try:
        spaces = best_fit.new_spaces(capacity, n_lengths)
    except MemoryError as error:
        msg = (
            f"`context_length` {capacity} needs a segment tree of {16 * capacity:,} "
            "bytes of address space, more than this machine gives\n"
            "Hint: choose a shorter context length."
        )
        raise MemoryError(msg) from error
    left = chunks.counts.copy()
    # Measured: 2.5 to 3 runs a length. Where there are more, another round follows.
    buffer = np.empty(4 * n_lengths, best_fit.RUN)
    parts = []
    while n_runs := best_fit.best_fit_decreasing(
        spaces, capacity, chunks.lengths, left, buffer
    ):
        # As bytes: records are copied field by field, at 20 times the price.
        parts.append(buffer[:n_runs].view(np.uint8).copy())
    runs = np.concatenate(parts).view(best_fit.RUN)
    return runs, int(spaces.first[best_fit.EMPTY_BINS])
