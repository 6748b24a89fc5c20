"""Megatron: an index (.idx) beside the tokens (.bin), of Megatron-LM and NeMo.

A document is all its *sequences*, Megatron's word for the parts of a document, of which
most have one. Of written files, a training sequence is a document, a chunk a sequence.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.errors import DataError
from fastpack.files.formats.binary import check_size, map_array
from fastpack.files.formats.boundary_columns import lengths_of
from fastpack.files.formats.chunks import BOUNDARIES
from fastpack.files.formats.document_file import DocumentFile, FlatFile, beside
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.megatron_index import open_index, write_index
from fastpack.files.formats.writing import Sequences, tokens_dtype
from fastpack.outputs import exists_error, replacing
from fastpack.tokens.columns import ListColumn


def open_megatron(path: Path, _: Request) -> DocumentFile:
    """Open the documents of an .idx file; their tokens if the .bin file is beside it.

    Raises
    ------
    DataError
        The files are damaged, of another format, or not of each other.
    """
    path = beside(path, ".bin", ".idx")
    index = open_index(path)
    bin_path = beside(path, ".idx", ".bin")
    tokens = None
    if bin_path.exists():
        check_size(bin_path, index.n_bytes, f"the last sequence of {path.name}")
        tokens = map_array(bin_path, index.dtype)
    return FlatFile(index.n_documents, index.read_offsets, tokens)


def write_megatron(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write an .idx file, and the .bin file beside it.

    A training sequence is a document of Megatron, a chunk in it a sequence of Megatron;
    so are the gap behind a chunk, and the padding. Loaders that look at documents alone
    see whole training sequences.
    """
    bin_path = beside(output, ".idx", ".bin")
    if bin_path.exists() and not overwrite:
        raise exists_error(bin_path)
    dtype = _dtype_of(sequences)
    finder = sequences.chunk_finder()

    def remove_index() -> None:
        """Leave no index beside tokens of others, if the process ends in between."""
        if overwrite:
            output.resolve().unlink(missing_ok=True)

    with (
        replacing(output, overwrite=overwrite) as idx_temporary,
        replacing(bin_path, overwrite=overwrite, check=remove_index) as bin_temporary,
    ):
        lengths, bounds = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
        with bin_temporary.open("wb") as file:
            for block in sequences.blocks:
                tokens = ListColumn(block[sequences.tokens], 0)
                for part in tokens.parts():
                    file.write(_as_dtype(part.array, dtype).data)
                chunks = finder.find(block, lengths_of(tokens))
                counts, pieces = chunks.pieces()
                lengths.append(pieces.astype(np.int32))
                bounds.append(bounds[-1][-1] + np.cumsum(counts))
        with idx_temporary.open("wb") as file:
            write_index(file, dtype, np.concatenate(lengths), np.concatenate(bounds))


def _dtype_of(sequences: Sequences) -> np.dtype[np.integer]:
    """Return the dtype that tokens are written in: Megatron has no uint32 or uint64."""
    dtype = tokens_dtype(sequences)
    signed = {"uint32": "<i4", "uint64": "<i8"}
    return np.dtype(signed[dtype.name]) if dtype.name in signed else dtype


def _as_dtype(
    tokens: npt.NDArray[Any], dtype: np.dtype[np.integer]
) -> npt.NDArray[Any]:
    if tokens.dtype.kind == "i" and len(tokens) and tokens.min() < 0:
        msg = f"a token is {tokens.min():,}\nHint: tokens are 0 or more."
        raise DataError(msg)
    if tokens.dtype == dtype:
        return tokens
    largest = np.iinfo(dtype).max
    if len(tokens) and tokens.max() > largest:
        msg = (
            f"a token is {tokens.max():,}, and Megatron's {dtype} holds up to "
            f"{largest:,}\nHint: are these tokens?"
        )
        raise DataError(msg)
    return tokens.astype(dtype)


MEGATRON = Format(
    "megatron",
    "Megatron-LM, NeMo: tokens in .bin beside .idx",
    (".idx",),
    open_megatron,
    companion=".bin",
    write=write_megatron,
    output_suffix=".idx",
    holds=BOUNDARIES,
)
