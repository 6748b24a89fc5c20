"""Assigners: batches of documents, in order -> tables of rows, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from fastpack.documents.batches import Batch
from fastpack.documents.blocks import cut_at_blocks
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.inputs import length_arrays
from fastpack.packing.cursors import Columns, Cursors
from fastpack.schemas import ASSIGNMENT_SCHEMA

ROW_BYTES = 32
"""The size of a row, without `keep`."""

TABLE_ROWS = 1 << 21
"""Rows of a table at most: 64 MB. What is needed beside the output (copies for nulls,
indices to gather `keep` columns with) grows with this, not with the corpus."""

_HUGE_PAGE = 1 << 21

_DTYPES = {
    name: np.dtype(np.int32 if dtype == pl.Int32 else np.int64)
    for name, dtype in ASSIGNMENT_SCHEMA.items()
}


class Assigner:
    """Gives the rows of documents that are packed by themselves as tables.

    Parameters
    ----------
    cursors
        The places of the next chunks.
    encoder
        The numbers of the plan's groups.

    Attributes
    ----------
    cursors
        As given: the same for arrays, not tables.
    """

    def __init__(self, cursors: Cursors, encoder: GroupEncoder) -> None:
        self.cursors = cursors
        self._encoder = encoder
        self._indices = np.empty(0, np.int64)

    def table(self, batch: Batch) -> pl.DataFrame:
        """Give the rows of the next documents as one table: see `tables`."""
        return join_tables(list(self.tables(batch)), batch.kept)

    def tables(self, batch: Batch) -> Iterator[pl.DataFrame]:
        """Give the rows of the next documents, in tables of at most `TABLE_ROWS`.

        The columns that are kept stand in place of `document`.
        """
        groups = batch.groups
        if groups is None:
            groups = self._encoder.encode(batch.by)
        # The row of the next document in the batch.
        row = 0
        for array in length_arrays(batch.lengths):
            end = row + array.size
            while row < end:
                columns = self._new_columns(with_document=batch.kept is None)
                documents, rows = self.cursors.fill(
                    array[row - end :],
                    columns,
                    None if groups is None else groups[row:end],
                    # To gather with, rows of `kept` are wanted, not of the corpus.
                    first_document=None if batch.kept is None else row,
                )
                yield self._table(columns, rows, batch.kept, row)
                row += documents

    def _new_columns(self, *, with_document: bool) -> Columns:
        """Make room for a table."""
        rows = min(TABLE_ROWS, max(1024, self.cursors.rows_left))
        result = list(ASSIGNMENT_SCHEMA)
        columns = {}
        if self.cursors.has_nulls:
            # They are copied if there are nulls: the others are not to hold them then.
            columns = allocate(["bin", "bin_offset"], rows)
            result = [name for name in result if name not in columns]
        if not with_document:
            # Only to gather with: written to the same memory each time.
            if self._indices.size < rows:
                self._indices = np.empty(rows, np.int64)
            columns["document"] = self._indices[:rows]
            result.remove("document")
        return columns | allocate(result, rows)

    def _table(
        self, columns: Columns, rows: int, kept: pl.DataFrame | None, first: int
    ) -> pl.DataFrame:
        """Make a table of columns; its first document is in row `first` of `kept`."""
        document, *chunks = (
            pl.Series(name, columns[name][:rows]) for name in ASSIGNMENT_SCHEMA
        )
        if kept is None:
            table = pl.DataFrame([document, *chunks])
        elif document[-1] - first == rows - 1:  # a row a document: nothing to gather
            table = kept[first : first + rows].hstack(chunks)
        else:
            table = kept[document].hstack(chunks)
        if self.cursors.has_nulls:
            packed = pl.col("bin") >= 0
            table = table.with_columns(
                pl.when(packed).then(pl.col("bin", "bin_offset"))
            )
        return table


class CorpusAssigner:
    """Gives the rows of a corpus, or of a part of it, block after block.

    Parameters
    ----------
    open_block
        Called with the number of a block and of the first document there that is
        assigned; returns an assigner of the documents of the block.
    block_documents
        The rule.
    first_document
        The number of the first document that is assigned.
    """

    def __init__(
        self,
        open_block: Callable[[int, int], Assigner],
        block_documents: int | None,
        first_document: int = 0,
    ) -> None:
        self._open_block = open_block
        self._size = block_documents
        self._next_document = first_document
        self._number = -1
        self._assigner: Assigner | None = None

    def table(self, batch: Batch) -> pl.DataFrame:
        """Give the rows of the next documents as one table: see `tables`."""
        return join_tables(list(self.tables(batch)), batch.kept)

    def tables(self, batch: Batch) -> Iterator[pl.DataFrame]:
        """Give the rows of the next documents, as `Assigner.tables` does."""
        for number, part in cut_at_blocks([batch], self._size, self._next_document):
            if self._assigner is None or number != self._number:
                self._assigner = self._open_block(number, self._next_document)
                self._number = number
            yield from self._assigner.tables(part)
            self._next_document += part.n_documents


def empty_table(kept: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return an assignment table of no rows: the schema."""
    table = pl.DataFrame(schema=ASSIGNMENT_SCHEMA)
    if kept is None:
        return table
    return kept.clear().hstack(table.drop("document"))


def join_tables(
    tables: Sequence[pl.DataFrame], kept: pl.DataFrame | None
) -> pl.DataFrame:
    """Return the rows of all tables, if there are any, as one table."""
    if len(tables) == 1:
        return tables[0]
    return pl.concat([empty_table(kept), *tables], rechunk=False)


def allocate(names: list[str], rows: int) -> Columns:
    """Allocate columns of the assignment table at once, as zeros.

    Fresh pages cost more than the packing. NumPy asks for huge ones from 4 MiB on, but
    the ends of an allocation that is not aligned to them are made of small pages: that
    alone was 15 % of the time of `pack`. Fresh pages are zeros already, so the kernel
    need not write a `chunk_start` of 0.
    """
    n_bytes = rows * sum(_DTYPES[name].itemsize for name in names)
    align = _HUGE_PAGE if n_bytes > _HUGE_PAGE else 0
    memory = np.zeros(n_bytes + align, np.uint8)
    columns = {}
    end = -memory.ctypes.data % _HUGE_PAGE if align else 0
    # The columns of 8 bytes first: each is then aligned.
    for name in sorted(names, key=lambda name: -_DTYPES[name].itemsize):
        start, end = end, end + rows * _DTYPES[name].itemsize
        columns[name] = memory[start:end].view(_DTYPES[name])
    return columns
