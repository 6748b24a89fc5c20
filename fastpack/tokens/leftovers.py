"""Leftovers: the chunks of a block's emptiest sequences, for a last block.

A block has some sequences that are not full: those that best fit opens last, when no
documents are left to fill them with. The chunks of such sequences, of all blocks, are
packed once more, together, which takes the cost of blocks from 0.002 % ... 0.7 % more
sequences to 0 ... 0.002 %, at L = 2048 ... 131,072 with blocks of 16 M tokens.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from fastpack.documents.inputs import as_expression
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.tokens.layout import Layout
from fastpack.tokens.selection import CHUNK_START, DOCUMENT
from fastpack.tokens.sequence_options import SequenceOptions

_PERCENT_FULL = 90
"""Fuller sequences stay. With documents of 0.3 L, say, three of them are 90 % of a
sequence: then nothing is gained by packing them again."""

_TOKENS_PER_LEFT_OUT = 100
"""Sequences that are half full stay, too, if more than one in so many tokens of the
block would be left out."""


def emptiest_sequences(
    layout: Layout, options: PackingOptions
) -> npt.NDArray[np.bool_]:
    """Return which sequences of a block are left out.

    Those below half full, and the emptiest below 90 % while all these hold no more than
    1 % of the tokens. A sequence that has `max_documents` chunks is full. As many are
    left out as `bins_multiple` allows.
    """
    is_left_out = np.zeros(layout.n_bins, np.bool_)
    if not layout.n_bins:
        return is_left_out
    used = layout.ends
    n_chunks = np.diff(layout.first)
    is_candidate = 100 * used < _PERCENT_FULL * options.context_length
    is_candidate &= n_chunks < options.max_chunks_per_bin
    (emptiest,) = np.nonzero(is_candidate)
    emptiest = emptiest[np.argsort(used[emptiest], kind="stable")]
    below_half = np.count_nonzero(2 * used[emptiest] < options.context_length)
    lengths = layout.lengths[layout.rows].astype(np.int64)
    n_tokens = np.add.reduceat(lengths, layout.first[:-1])
    few = lengths.sum() // _TOKENS_PER_LEFT_OUT
    n_few = np.searchsorted(np.cumsum(n_tokens[emptiest]), few, side="right")
    n_left_out = max(int(below_half), int(n_few))
    n_left_out -= n_left_out % options.bins_multiple
    is_left_out[emptiest[:n_left_out]] = True
    return is_left_out


def chunks_as_documents(
    documents: pl.DataFrame,
    chunks: pl.DataFrame,
    sequence_options: SequenceOptions,
    first_document: int,
) -> pl.DataFrame:
    """Return chunks of a block as the documents of another one.

    Parameters
    ----------
    documents
        The documents of the block, as they were selected.
    chunks
        Rows of its assignment table.
    sequence_options
        The options of the sequences.
    first_document
        The row number of the first document.
    """
    lists = [sequence_options.tokens, *sequence_options.columns]
    start, length = chunks["chunk_start"], chunks["chunk_length"]
    rows = _gather(documents, sequence_options.tokens, chunks["document"].to_numpy())
    arrays = [name for name in lists if isinstance(rows[name].dtype, pl.Array)]
    rows = rows.with_columns(as_expression(name).arr.to_list() for name in arrays)
    if rows.height:  # Polars 2.0 makes lists of nulls of no rows
        chunk = cs.by_name(*lists).as_expr()
        rows = rows.with_columns(chunk.list.slice(pl.lit(start), pl.lit(length)))
    if DOCUMENT in rows.columns:
        document, start = rows[DOCUMENT], start + rows[CHUNK_START]
    else:
        document = chunks["document"] + first_document
    return rows.with_columns(document.alias(DOCUMENT), start.alias(CHUNK_START))


def _gather(documents: pl.DataFrame, tokens: str, rows: Int64Array) -> pl.DataFrame:
    """Return some rows, which ascend.

    Each piece of the lists by itself: Polars would copy all into one piece before,
    which takes half the time of moving the tokens of a block.
    """
    lengths = documents[tokens].chunk_lengths()
    borders = np.cumsum([0, *lengths])
    places = np.searchsorted(rows, borders)
    pieces = [documents.clear()]
    for i in range(len(lengths)):
        if chosen := (rows[places[i] : places[i + 1]] - borders[i]).tolist():
            piece = documents[int(borders[i]) : int(borders[i + 1])]
            pieces.append(piece[chosen])
    return pl.concat(pieces, rechunk=False)
