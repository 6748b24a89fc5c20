"""A block: documents in memory, packed by themselves -> their training sequences."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import polars as pl

from fastpack.documents.batches import Batch
from fastpack.documents.groups import select_by
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.packing.in_memory import pack_batch
from fastpack.packing.plan import PackingPlan
from fastpack.tokens.boundaries import BOUNDARIES
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.layout import Layout
from fastpack.tokens.leftovers import chunks_as_documents, emptiest_sequences
from fastpack.tokens.lists import as_lists
from fastpack.tokens.moving import move_values, repeat_value
from fastpack.tokens.selection import (
    CHUNK_START,
    DOCUMENT,
    group_columns,
    output_names,
)
from fastpack.tokens.sequence_options import SequenceOptions


class PackedBlock(NamedTuple):
    """A block that is packed.

    Parameters
    ----------
    sequences
        The training sequences: a row each, in order.
    plan
        The packing of all documents of the block, with its account.
    left_out
        The chunks that are in no sequence, as documents of another block; None if none
        was to be left out.
    """

    sequences: pl.DataFrame
    plan: PackingPlan
    left_out: pl.DataFrame | None


def pack_block(
    documents: pl.DataFrame,
    sequence_options: SequenceOptions,
    packing_options: PackingOptions,
    first_document: int = 0,
    *,
    leaves_out: bool = False,
    wanted: Collection[str] | None = None,
    plan: PackingPlan | None = None,
) -> PackedBlock:
    """Pack documents that are in memory, and move their tokens into sequences.

    Parameters
    ----------
    documents
        Documents, as `fastpack.tokens.selection.select_documents` selects them; or
        chunks that other blocks have left out.
    sequence_options, packing_options
        The options of the sequences, and the rules of the packing.
    first_document
        The row number of the first document in the corpus.
    leaves_out
        Whether the chunks of the emptiest sequences are left out, for a last block.
    wanted
        The columns of the result that are made; None for all.
    plan
        The plan of these documents, if they were packed before.

    Raises
    ------
    DataError
        A list, a value or a column of `by` is null, or a column is not in lockstep.
    """
    by = packing_options.by_columns
    groups = select_by(group_columns(documents, by), by, first_document)
    names = [sequence_options.tokens, *sequence_options.columns]
    columns = {name: ListColumn(documents[name], first_document) for name in names}
    lengths = columns[sequence_options.tokens].lengths
    for name in sequence_options.columns:
        columns[name].check_lockstep(sequence_options.tokens, lengths)
    batch = Batch(lengths, None, groups)
    packed = pack_batch(batch, packing_options, plan=plan)
    plan = packed.plan()
    layout = Layout(
        packed.table.drop_nulls("bin").rechunk(),
        plan.n_bins,
        _starts(lengths),
        packing_options,
        is_padded=sequence_options.pad_id is not None,
    )
    left_out = None
    if leaves_out:
        is_left_out = emptiest_sequences(layout, packing_options)
        chunks = layout.chunks.filter(pl.Series(is_left_out[layout.bins]))
        left_out = chunks_as_documents(
            documents, chunks, sequence_options, first_document
        )
        if chunks.height:
            layout = layout.without(is_left_out)
    sequences = _Sequences(documents, columns, layout, sequence_options, first_document)
    made = {
        name: sequences.column(name)
        for name in output_names(documents.columns, sequence_options)
        if wanted is None or name in wanted
    }
    return PackedBlock(pl.DataFrame(made), plan, left_out)


def _starts(lengths: pl.Series) -> Int64Array:
    """Return the number of each document's first token."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths.to_numpy(), out=starts[1:])
    return starts[:-1]


class _Sequences:
    """The columns of the sequences of a block, made one by one."""

    def __init__(
        self,
        documents: pl.DataFrame,
        columns: dict[str, ListColumn],
        layout: Layout,
        options: SequenceOptions,
        first_document: int,
    ) -> None:
        self._documents = documents
        self._columns = columns
        self._layout = layout
        self._options = options
        self._first_document = first_document

    def column(self, name: str) -> pl.Series:
        """Make a column, of any name."""
        if name in self._columns:
            return self._moved(self._columns[name])
        if name in self._options.boundaries and name in BOUNDARIES:
            return BOUNDARIES[name](self._layout)
        return as_lists(self._of_chunks(name), self._layout.first)

    def _moved(self, column: ListColumn) -> pl.Series:
        """Move a column, and write what comes from no document."""
        options, layout = self._options, self._layout
        values = move_values(column, layout, options.n_before)
        # A column in lockstep has its pad value beside the tokens that are added, too.
        pad = options.columns.get(column.name)
        if (bos := options.bos_id) is not None:
            values[layout.places] = bos if pad is None else pad
        if (eos := options.eos_id) is not None:
            ends = layout.places + (options.n_before + layout.lengths)
            values[ends] = eos if pad is None else pad
        if options.pad_id is not None:
            repeat_value(values, *layout.gaps, options.pad_id if pad is None else pad)
        return layout.as_sequences(pl.Series(values).cast(column.dtype))

    def _of_chunks(self, name: str) -> pl.Series:
        """Return the values of the chunks' documents, in order of the sequences."""
        rows = self._layout.rows
        document = self._layout.document[rows]
        if name in self._options.boundaries:
            starts = self._layout.chunk_start[rows]
            if CHUNK_START in self._documents:
                starts += self._documents[CHUNK_START].to_numpy()[document]
            return pl.Series(starts)
        if self._options.keep is not None:
            return self._documents[name].gather(document)
        if DOCUMENT in self._documents:
            return self._documents[DOCUMENT].gather(document)
        return pl.Series(document + self._first_document)
