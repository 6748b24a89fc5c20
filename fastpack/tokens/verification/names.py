"""Chunk names: the document of each chunk, by its number or by the columns kept."""

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataTypeError
from fastpack.options import PackingOptions
from fastpack.tokens.verification.boundaries import FoundLayout
from fastpack.tokens.verification.hashes import UInt64Array
from fastpack.tokens.verification.layouts import read_lists, wrong_sequences

_DOCUMENTS = "documents"
"""The column of sequences with the number of each chunk's document."""


class ChunkNames:
    """The names that sequences give to the documents of their chunks.

    Parameters
    ----------
    sequences
        The columns of sequences.
    kept
        The columns that name documents, in a frame without rows; None if they are
        numbered.
    options
        The rules of the packing.

    Attributes
    ----------
    is_numbered : bool
        Whether documents are numbered.
    shows_groups : bool
        Whether the columns `by` are among those that name documents.

    Raises
    ------
    DataError, DataTypeError
        The sequences do not have the columns kept, or of another type.
    """

    def __init__(
        self, sequences: pl.Schema, kept: pl.DataFrame | None, options: PackingOptions
    ) -> None:
        self.is_numbered = kept is None and _DOCUMENTS in sequences
        self._kept = [] if kept is None else kept.columns
        by = options.by_columns
        self.shows_groups = bool(by) and set(by) <= set(self._kept)
        self._options = options
        self._n_documents = self._last_block = 0
        for name, dtype in {} if kept is None else kept.schema.items():
            if sequences.get(name) != pl.List(dtype):
                msg = (
                    f"`keep` column {name!r} is {sequences.get(name, 'absent')} in the "
                    f"sequences, and {dtype} in the documents\n"
                    "Hint: sequences have a list of its values, one a chunk."
                )
                raise DataTypeError(msg)

    @property
    def is_known(self) -> bool:
        """Whether sequences say of which document a chunk is."""
        return self.is_numbered or bool(self._kept)

    def of_documents(
        self, documents: pl.DataFrame, first_row: int
    ) -> UInt64Array | None:
        """Return the name of each document: its number, or a hash; None if unknown."""
        self._n_documents = max(self._n_documents, first_row + documents.height)
        if self.is_numbered:
            return np.arange(first_row, first_row + documents.height).astype(np.uint64)
        if not self._kept:
            return None
        return documents.select(cs.by_name(*self._kept)).hash_rows().to_numpy()

    def of_chunks(
        self, sequences: pl.DataFrame, layout: FoundLayout, first_row: int
    ) -> UInt64Array | None:
        """Return the name of each chunk's document; None if they are unknown.

        Raises
        ------
        VerificationError
            A sequence names more or fewer documents than it has chunks, or some that it
            must not hold together.
        """
        if self.is_numbered:
            return self._numbers(sequences, layout, first_row)
        if not self._kept:
            return None
        columns = []
        for name in self._kept:
            lists = sequences.get_column(name)
            sizes = lists.list.len().fill_null(0).to_numpy()
            wrong_sequences(
                sizes != layout.n_chunks,
                first_row,
                f"has not as many {name!r} as chunks",
            )
            columns.append(lists.explode())
            if name in self._options.by_columns:
                differs = columns[-1].ne_missing(columns[-1].shift()).to_numpy()
                self._check_alike(differs, layout, first_row, f"differ in {name!r}")
        return pl.DataFrame(columns).hash_rows().to_numpy()

    def _numbers(
        self, sequences: pl.DataFrame, layout: FoundLayout, first_row: int
    ) -> UInt64Array:
        lists = read_lists(sequences, _DOCUMENTS, first_row)
        wrong_sequences(
            lists.lengths != layout.n_chunks,
            first_row,
            f"has not as many `{_DOCUMENTS}` as chunks",
        )
        numbers = lists.values
        is_outside = (numbers < 0) | (numbers >= self._n_documents)
        self._check(
            is_outside,
            layout,
            first_row,
            f"names a document that is none of the {self._n_documents:,}",
        )
        if self._options.block_documents is not None:
            blocks = numbers // self._options.block_documents
            differs = np.diff(blocks, prepend=-1) != 0
            what = "are of several blocks of `block_documents`"
            self._check_alike(differs, layout, first_row, what)
            self._check_order(blocks[layout.numbers == 0], first_row)
        return numbers.astype(np.uint64)

    def _check_order(self, blocks: Int64Array, first_row: int) -> None:
        """Refuse blocks of sequences that do not follow each other."""
        before = self._last_block if first_row else 0
        is_earlier = np.diff(blocks, prepend=before) < 0
        wrong_sequences(is_earlier, first_row, "is of an earlier block than the last")
        if blocks.size:
            self._last_block = int(blocks[-1])

    def _check_alike(
        self,
        differs: npt.NDArray[np.bool_],
        layout: FoundLayout,
        first_row: int,
        what: str,
    ) -> None:
        """Refuse chunks that differ from the one before them in their sequence."""
        is_wrong = differs & (layout.numbers > 0)
        self._check(is_wrong, layout, first_row, f"mixes documents that {what}")

    @staticmethod
    def _check(
        is_wrong: npt.NDArray[np.bool_], layout: FoundLayout, first_row: int, what: str
    ) -> None:
        """Refuse sequences with a chunk that is wrong."""
        sequences = np.zeros(layout.n_chunks.size, np.bool_)
        sequences[layout.sequences[is_wrong]] = True
        wrong_sequences(sequences, first_row, what)
