"""OLMo and Dolma: tokens without a header, named .npy; documents in a .csv.gz beside.

Each line of the .csv.gz begins with the first token of a document and its end. The
documents follow each other, and hold all tokens; their number of bytes gives the dtype.
Without that file, or if the format is named with it, the token at the end of each
document tells: ``olmo:dtype=uint32,end=100257``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.files.formats.binary import damaged, file_size, map_array
from fastpack.files.formats.document_file import (
    DocumentFile,
    FlatFile,
    beside,
    offsets_of,
)
from fastpack.files.formats.flat import SETTINGS, dtype_of, map_tokens, split_tokens
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.npy import is_npy

_DTYPES = {size: np.dtype(f"<u{size}") for size in (1, 2, 4, 8)}
"""The dtypes of tokens that OLMo knows, by their bytes."""


def boundaries_of(path: Path) -> Path:
    """Return the path of the file of document boundaries beside a file of tokens."""
    return beside(path, ".npy", ".csv.gz")


def open_olmo(path: Path, request: Request) -> DocumentFile:
    """Open the documents of a file of tokens.

    Raises
    ------
    DataError
        The files are damaged, or not of each other.
    OptionError
        There is no file of boundaries, and the format does not say what it has to.
    """
    if {"end", "start"} & request.settings.keys() or not boundaries_of(path).exists():
        return split_tokens(map_tokens(path, request), request)
    ends = _read_ends(boundaries_of(path))
    n_tokens = int(ends[-1]) if len(ends) else 0
    return FlatFile(len(ends), offsets_of(ends), _map(path, request, n_tokens))


def _read_ends(path: Path) -> Int64Array:
    """Read where documents end; refuse lines that do not follow each other."""
    file_size(path)
    try:
        texts = pl.read_csv(
            path, has_header=False, columns=[0, 1], infer_schema=False, glob=False
        )
        lines = texts.select(pl.nth(0, 1).cast(pl.Int64))
    except pl.exceptions.NoDataError:  # no documents
        return np.empty(0, np.int64)
    except (PolarsError, OSError) as error:
        msg = (
            f"{path.name} does not have the first token and the end of a document in "
            f"each line: {error}\nHint: is it that of OLMo or Dolma?"
        )
        raise DataError(msg) from error
    if lines.null_count().sum_horizontal()[0]:
        msg = (
            f"{path.name} has lines without the first token and the end of a document\n"
            "Hint: is it that of OLMo or Dolma, and whole?"
        )
        raise DataError(msg)
    starts, ends = (column.to_numpy() for column in lines)
    wrong = (starts != np.append(0, ends[:-1])) | (ends < starts)
    if wrong.any():
        line = int(wrong.argmax())
        expected = int(ends[line - 1]) if line else 0
        msg = (
            f"line {line + 1:,} of {path.name}: expected a document from token "
            f"{expected:,} on, found {starts[line]:,} to {ends[line]:,}\n"
            "Hint: documents follow each other; is the file damaged?"
        )
        raise DataError(msg)
    return ends


def _map(path: Path, request: Request, n_tokens: int) -> npt.NDArray[Any]:
    """Map the tokens; check that they are as many as the documents have."""
    size = file_size(path)
    dtype = dtype_of(request)
    if dtype is None and n_tokens and size % n_tokens == 0:
        dtype = _DTYPES.get(size // n_tokens)
    dtype = dtype or _DTYPES[2]
    if n_tokens * dtype.itemsize != size:
        raise damaged(
            path,
            size,
            f"the {n_tokens:,} tokens of {boundaries_of(path).name}",
            f"{size:,} bytes",
            "the files are not of each other, or one of them is truncated",
        )
    return map_array(path, dtype)


OLMO = Format(
    "olmo",
    "OLMo, Dolma: documents in .csv.gz beside .npy",
    (".npy",),
    open_olmo,
    finds=lambda path: not is_npy(path),
    settings=SETTINGS,
    companion=".csv.gz",
)
