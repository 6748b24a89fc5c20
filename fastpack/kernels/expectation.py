"""Expect: lengths of documents -> the tokens that should be packed of each.

The rule for long documents is told here again, although packing tells it too: a
verifier that used the packer's could not disprove it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel


@kernel
def tokens_of(
    length: Integer, max_chunk: int, min_chunk: int, tokens_of_long: int
) -> Integer:
    """Return the tokens of one document: see `expect_tokens`."""
    if length <= max_chunk:
        return length
    if tokens_of_long >= 0:
        return tokens_of_long
    remainder = length % max_chunk
    return length - remainder if remainder < min_chunk else length


@kernel
def expect_tokens(
    lengths: npt.NDArray[Any],
    max_chunk: int,
    min_chunk: int,
    tokens_of_long: int,
    tokens: npt.NDArray[np.int64],
) -> None:
    """Write the tokens that should be packed of each document.

    Parameters
    ----------
    lengths
        Document lengths in tokens, int32 or int64, shape (n,).
    max_chunk, min_chunk
        The longest chunk, and the shortest remainder of a longer document.
    tokens_of_long
        The tokens of a document longer than `max_chunk`; -1 if it is split.
    tokens
        Output, shape (n,).
    """
    for i in range(np.uint64(lengths.size)):
        tokens[i] = tokens_of(
            np.int64(lengths[i]), max_chunk, min_chunk, tokens_of_long
        )


@kernel
def find_unexpected(
    lengths: npt.NDArray[Any],
    max_chunk: int,
    min_chunk: int,
    tokens_of_long: int,
    tokens: npt.NDArray[np.int64],
) -> Integer:
    """Return the place of the first document with other tokens, -1 if there is none.

    The parameters are those of `expect_tokens`; `tokens` is an input.
    """
    for i in range(np.uint64(lengths.size)):
        expected = tokens_of(np.int64(lengths[i]), max_chunk, min_chunk, tokens_of_long)
        if tokens[i] != expected:
            return np.int64(i)
    return -1
