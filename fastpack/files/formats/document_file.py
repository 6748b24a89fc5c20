"""Document files: any documents of a file on demand, as rows of lengths and tokens.

A format whose file says where each document lies opens it as a `DocumentFile`. Lengths
are read without the tokens; the tokens are mapped, and read when they are used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import DEFAULT_LENGTH
from fastpack.documents.streaming import generate_lazily
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.files.formats.binary import polars_dtype
from fastpack.tokens.lists import as_lists

TOKENS = "input_ids"
"""The column of the tokens of a document."""

_BATCH_ROWS = 1 << 18
"""Documents that are read at a time, by those who read all."""


class DocumentFile(ABC):
    """The documents of a file, each of which can be read by its number.

    Parameters
    ----------
    n_documents
        The number of documents.
    schema
        The columns: `n_tokens` (Int64), and `input_ids` (lists) if there are tokens.
    """

    def __init__(self, n_documents: int, schema: pl.Schema) -> None:
        self.n_documents = n_documents
        self.schema = schema

    @abstractmethod
    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        """Return documents ``[first, last)``, a row each: these columns, in any order.

        Raises DataError if the file does not agree with itself there.
        """

    def scan(self, rows: range | None = None) -> pl.LazyFrame:
        """Return all documents as a lazy frame, or those of some neighbouring rows."""
        n = self.n_documents
        begin, end = (0, n) if rows is None else (rows.start, min(rows.stop, n))

        def tables(columns: Sequence[str]) -> Generator[pl.DataFrame]:
            for first in range(begin, end, _BATCH_ROWS):
                yield self.read(first, min(first + _BATCH_ROWS, end), columns)

        return generate_lazily(self.schema, tables)


class FlatFile(DocumentFile):
    """Documents whose tokens lie one after the other, in one file.

    Parameters
    ----------
    n_documents
        The number of documents.
    read_offsets
        Returns, of documents ``[first, last)``, the numbers of their first tokens and
        the end of the last one: ``last - first + 1`` values, none less than the one
        before.
    tokens
        The tokens of all documents; None if they are not at hand.
    """

    def __init__(
        self,
        n_documents: int,
        read_offsets: Callable[[int, int], Int64Array],
        tokens: npt.NDArray[Any] | None,
    ) -> None:
        schema: dict[str, pl.DataType] = {DEFAULT_LENGTH: pl.Int64()}
        if tokens is not None:
            schema[TOKENS] = pl.List(polars_dtype(tokens.dtype))
        super().__init__(n_documents, pl.Schema(schema))
        self._read_offsets = read_offsets
        self._tokens = tokens

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        """Return documents ``[first, last)``: see `DocumentFile`."""
        offsets = self._read_offsets(first, last)
        frame = pl.DataFrame({DEFAULT_LENGTH: np.diff(offsets)})
        if self._tokens is not None and TOKENS in columns:
            if offsets[-1] > len(self._tokens):
                msg = (
                    f"documents {first:,} to {last:,} end at token {offsets[-1]:,}, "
                    f"and there are {len(self._tokens):,}\n"
                    "Hint: is the file damaged?"
                )
                raise DataError(msg)
            values = self._tokens[offsets[0] : offsets[-1]]
            lists = as_lists(pl.Series(values), offsets - offsets[0])
            frame = frame.with_columns(lists.alias(TOKENS))
        return frame


def offsets_of(ends: Int64Array) -> Callable[[int, int], Int64Array]:
    """Return the `read_offsets` of documents whose ends are held in memory."""
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    return lambda first, last: offsets[first : last + 1]


def beside(path: Path, suffix: str, other: str) -> Path:
    """Return a path with another suffix in place of this one, if it has this one."""
    if not path.name.endswith(suffix):
        return path
    return path.with_name(path.name.removesuffix(suffix) + other)
