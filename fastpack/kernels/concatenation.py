"""Concatenate: document lengths in their order -> what cutting every L tokens cuts."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel


@kernel
def concatenate(
    lengths: npt.NDArray[Any],
    context_length: int,
    state: npt.NDArray[np.int64],
    cuts_by_length: npt.NDArray[np.int64],
) -> None:
    """Join documents, cut every L tokens. About 1 ns a document, and 5 a cut one.

    Parameters
    ----------
    lengths
        Document lengths in tokens, none negative, int32 or int64.
    context_length
        L, in tokens.
    state
        The space left in the current sequence (L at first), documents that are cut,
        those of them that would have fitted whole, and cuts inside documents: changed
        in place.
    cuts_by_length
        ``cuts_by_length[b]`` grows by the cuts in documents whose length has b bits:
        64 numbers.
    """
    space = state[0]
    for i in range(lengths.size):
        length = np.int64(lengths[i])
        if length < space:
            space -= length
            continue
        rest = length - space
        if rest == 0:
            space = np.int64(context_length)
            continue
        # It goes on in the next sequence, and perhaps in more.
        more = (rest - 1) // context_length
        space = context_length - (rest - more * context_length)
        if space == 0:
            space = np.int64(context_length)
        state[1] += 1
        state[2] += length <= context_length
        state[3] += 1 + more
        bits = 0
        for step in (32, 16, 8, 4, 2, 1):
            if length >> step:
                length >>= step
                bits += step
        cuts_by_length[bits + 1] += 1 + more
    state[0] = space
