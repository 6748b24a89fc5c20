"""Index: the rows of an assignment and the lengths of documents -> where chunks lie.

Values have numbers: those of all documents, one behind the other.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

OK, NO_DOCUMENT, OUTSIDE, BAD_BIN, BAD_OFFSET = range(5)
"""What is wrong with a chunk."""


@kernel
def check_chunks(
    document: npt.NDArray[np.int64],
    chunk_start: npt.NDArray[np.int64],
    chunk_length: npt.NDArray[np.int32],
    bin: npt.NDArray[np.int64],  # noqa: A002
    bin_offset: npt.NDArray[np.int32],
    document_starts: npt.NDArray[np.int64],
    context_length: int,
    tokens: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    shapes: npt.NDArray[np.int64],
) -> tuple[Integer, int]:
    """Check that each chunk lies in its document; write where it is.

    Parameters
    ----------
    document, chunk_start, chunk_length, bin, bin_offset
        The rows of an assignment, shape (n,); -1 stands for null.
    document_starts
        The number of the first value of each document, and of the end: (n_documents +
        1,).
    context_length
        L.
    tokens
        Output: the tokens of the chunks of each document, (n_documents,), from zeros.
    positions
        Output: the number of the first value of each chunk, (n,).
    shapes
        Output: the length of each chunk, times 2**32, and its offset, (n,).

    Returns
    -------
    row, reason
        The first row that is wrong, and the reason; or the number of rows, and `OK`.
    """
    n_documents = tokens.size
    for i in range(bin.size):
        number = document[i]
        if number < 0 or number >= n_documents:
            return i, NO_DOCUMENT
        length = np.int64(chunk_length[i])
        end = document_starts[number + 1] - document_starts[number]
        if length < 0 or chunk_start[i] < 0 or chunk_start[i] > end - length:
            return i, OUTSIDE
        if (length == 0) != (bin[i] < 0):
            return i, BAD_BIN
        if length and (bin_offset[i] < 0 or bin_offset[i] >= context_length):
            return i, BAD_OFFSET
        tokens[number] += length
        positions[i] = document_starts[number] + chunk_start[i]
        shapes[i] = length << 32 | np.int64(bin_offset[i])
    return bin.size, OK


@kernel
def find_other_length(
    document_starts: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int64],
    max_chunk: int,
) -> int:
    """Find the first document of another length than its chunks; -1 if there is none.

    All of a document is in its chunks, except if it is longer than a chunk: then it may
    be dropped, truncated, or lack its remainder, which leaves whole chunks.
    """
    for i in range(tokens.size):
        length = document_starts[i + 1] - document_starts[i]
        if tokens[i] != length and (length <= max_chunk or tokens[i] % max_chunk):
            return i
    return -1


@kernel
def place_chunks(
    first: npt.NDArray[np.int64],
    rows: npt.NDArray[Any],
    row_positions: npt.NDArray[np.int64],
    shapes: npt.NDArray[np.int64],
    context_length: int,
    extra_tokens: int,
    align: int,
    positions: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
) -> int:
    """Write where the chunks of each bin lie; return the first wrong bin, or -1.

    A bin is right if its chunks fill it from its start on, without hole or overlap.

    Parameters
    ----------
    first, rows
        The rows of each bin, in the order of their offsets: see `ordering`.
    row_positions, shapes
        The chunk of each row, as `check_chunks` writes them: two cache misses a chunk,
        where the columns of the assignment are five.
    context_length, extra_tokens, align
        The rules.
    positions, lengths
        Outputs: the number of the first value of each chunk, and its values, in order.
    """
    for b in range(first.size - 1):
        end = np.int64(0)
        for c in range(first[b], first[b + 1]):
            row = rows[c]
            shape = shapes[row]
            if shape & 0xFFFFFFFF != end:
                return b
            length = shape >> 32
            positions[c] = row_positions[row]
            lengths[c] = length
            end += length + extra_tokens
            end += -end % align  # chunks start at multiples
        if end == 0 or end > context_length:
            return b
    return -1
