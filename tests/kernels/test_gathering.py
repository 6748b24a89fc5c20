import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels.gathering import gather, make_directory, source_of


def addresses_of(pieces):
    return np.array([piece.__array_interface__["data"][0] for piece in pieces])


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=9))
def test_values_are_found_in_their_piece(sizes):
    pieces = [np.zeros(size, np.int16) for size in sizes]
    starts = np.cumsum([0, *sizes[:-1]])
    addresses = addresses_of(pieces)
    position = 0
    for piece, address in zip(pieces, addresses, strict=True):
        for place in range(piece.size):
            found = source_of(position, starts, addresses, 2)
            assert found == address + 2 * place
            position += 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("align", [1, 4])
def test_a_sequence(dtype, before, after, align):
    pieces = [np.arange(10, 16).astype(dtype), np.arange(16, 30).astype(dtype)]
    fill = np.array([1, 2, *24 * [3]], dtype)
    out = np.zeros(24, dtype)
    # Two sequences: the second one has chunks of both pieces.
    first = np.array([0, 1, 4])
    positions, lengths = np.array([0, 6, 2, 19]), np.array([6, 4, 3, 1], np.int32)
    piece_starts, addresses = np.array([0, 6]), addresses_of(pieces)
    fill = fill.view(np.uint8)
    directory = make_directory(
        first=first,
        positions=positions,
        lengths=lengths,
        piece_starts=piece_starts,
        addresses=addresses,
        fill=fill,
        itemsize=out.itemsize,
        before=before,
        after=after,
        align=align,
    )
    chunk_lengths = np.zeros(3, np.int32)
    size = gather(1, directory, out, chunk_lengths)
    assert (chunk_lengths - before - after).tolist() == [4, 3, 1]
    assert gather(1, directory, out, chunk_lengths[:0]) == size
    expected = []
    for position, length in zip(positions[1:], lengths[1:], strict=True):
        expected += before * [1]
        expected += range(10 + position, 10 + position + length)
        expected += after * [2]
        expected += -len(expected) % align * [3]
    assert size == len(expected)
    assert out.tolist() == expected + (24 - size) * [3]
