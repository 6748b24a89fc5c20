"""Flat files: nothing but tokens, as nanoGPT's .bin; a token marks where documents end.

Neither the dtype nor that token stand in the file: they are said with the format, as
``flat:dtype=uint16,end=50256``. With ``end`` a document ends behind each such token,
with ``start`` it begins at each. What lies behind the last end (or before the first
start) is a document too: no token is left out. To find the documents, all tokens are
read; then 8 bytes a document are held.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, OptionError
from fastpack.files.formats.binary import TOKEN_DTYPES, map_array
from fastpack.files.formats.document_file import DocumentFile, FlatFile, offsets_of
from fastpack.files.formats.format import Format, Request

_AT_ONCE = 1 << 24
"""Tokens that are searched at a time."""

SETTINGS = ("dtype", "end", "start")


def dtype_of(request: Request) -> np.dtype[np.integer] | None:
    """Return the dtype of tokens that was said with the format, if it was."""
    name = request.settings.get("dtype")
    if name is None:
        return None
    if name not in TOKEN_DTYPES:
        msg = (
            f"`dtype` of the format must be that of tokens, got {name!r}\n"
            f"Hint: one of {', '.join(TOKEN_DTYPES)}."
        )
        raise OptionError(msg)
    return np.dtype(name).newbyteorder("<")


def map_tokens(path: Path, request: Request) -> npt.NDArray[Any]:
    """Map the tokens of a file without a header."""
    dtype = dtype_of(request)
    if dtype is None:
        msg = (
            "the file does not say of which dtype its tokens are\n"
            "Hint: say it with the format: flat:dtype=uint16,end=50256."
        )
        raise OptionError(msg)
    return map_array(path, dtype)


def split_tokens(tokens: npt.NDArray[Any], request: Request) -> DocumentFile:
    """Find the documents among tokens, by the token at their end or start."""
    marks = [name for name in ("end", "start") if name in request.settings]
    if len(marks) != 1:
        msg = (
            "the file does not say where its documents end\n"
            "Hint: say which token is at the end of each, such as end=50256 with the "
            "format, or at the start: start=1."
        )
        raise OptionError(msg)
    token = request.integer(marks[0])
    ends = _find(tokens, token) + (marks[0] == "end")
    if not len(ends) and len(tokens):
        msg = (
            f"the token {token} is nowhere in the file, as {tokens.dtype}\n"
            f"Hint: are `{marks[0]}` and `dtype` of the format right?"
        )
        raise DataError(msg)
    ends = ends[ends > 0]
    if len(tokens) and (not len(ends) or ends[-1] < len(tokens)):
        ends = np.append(ends, len(tokens))
    return FlatFile(len(ends), offsets_of(ends), tokens)


def _find(tokens: npt.NDArray[Any], token: int) -> Int64Array:
    """Return the places of a token."""
    found = (
        first + np.flatnonzero(tokens[first : first + _AT_ONCE] == token)
        for first in range(0, len(tokens), _AT_ONCE)
    )
    return np.concatenate([np.empty(0, np.int64), *found])


def _open(path: Path, request: Request) -> DocumentFile:
    return split_tokens(map_tokens(path, request), request)


FLAT = Format(
    "flat",
    "tokens alone, as of nanoGPT: flat:dtype=uint16,end=50256",
    (".bin",),
    _open,
    settings=SETTINGS,
    in_folders=False,
)
