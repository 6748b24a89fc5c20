"""A matrix of training sequences in a .npy file, which NumPy and PyTorch map.

Each sequence is a row of L tokens: they have to be padded. The file has the tokens and
nothing else; boundaries are of other formats.
"""

from pathlib import Path

import numpy as np

from fastpack.errors import DataError
from fastpack.files.formats.boundary_columns import lengths_of
from fastpack.files.formats.writing import Sequences, tokens_dtype
from fastpack.outputs import replacing
from fastpack.tokens.columns import ListColumn

_HEADER_BYTES = 128
"""The bytes before the first token: 64 would not hold all shapes."""


def write_npy(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write a matrix of shape (n sequences, L).

    Raises DataError if the sequences are not all of the same length.
    """
    dtype = tokens_dtype(sequences)
    n_rows, width = 0, None
    with (
        replacing(output, overwrite=overwrite) as temporary,
        temporary.open("wb") as file,
    ):
        file.write(bytes(_HEADER_BYTES))
        for block in sequences.blocks:
            tokens = ListColumn(block[sequences.tokens], n_rows)
            lengths = lengths_of(tokens)
            width = int(lengths[0]) if width is None and len(lengths) else width
            if (lengths != width).any():
                row = int((lengths != width).argmax())
                msg = (
                    f"sequences have {width:,} tokens and {lengths[row]:,}, the first "
                    f"such one is {n_rows + row:,}\n"
                    "Hint: a matrix has rows of one length: pack with `pad_id`."
                )
                raise DataError(msg)
            for part in tokens.parts():
                file.write(part.array.data)
            n_rows += block.height
        file.seek(0)
        file.write(_header(dtype, (n_rows, width or 0)))


def _header(dtype: np.dtype[np.integer], shape: tuple[int, int]) -> bytes:
    fields = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    n_bytes = _HEADER_BYTES - 10
    start = b"\x93NUMPY\x01\x00" + n_bytes.to_bytes(2, "little")
    return start + repr(fields).ljust(n_bytes - 1).encode() + b"\n"
