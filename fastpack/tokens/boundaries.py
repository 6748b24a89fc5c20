"""Boundaries: where the chunks of each sequence begin and end, by the field's names."""

from collections.abc import Callable

import numpy as np
import polars as pl

from fastpack import kernels
from fastpack.threads import map_in_threads
from fastpack.tokens.layout import Int32Array, Layout
from fastpack.tokens.lists import as_lists
from fastpack.tokens.moving import split_evenly


def _seq_lengths(layout: Layout) -> pl.Series:
    lengths = layout.with_extra(layout.lengths)[layout.rows]
    return as_lists(pl.Series(lengths), layout.first)


def _seq_start_id(layout: Layout) -> pl.Series:
    return as_lists(pl.Series(layout.bin_offsets[layout.rows]), layout.first)


def _cu_seqlens(layout: Layout) -> pl.Series:
    # A place more in each sequence: that of its end.
    first = layout.first + np.arange(layout.n_bins + 1)
    values = np.empty(int(first[-1]), np.int32)
    is_end = np.zeros(values.size, np.bool_)
    is_end[first[1:] - 1] = True
    values[is_end] = layout.ends
    values[~is_end] = layout.bin_offsets[layout.rows]
    return as_lists(pl.Series(values), first)


def _position_ids(layout: Layout) -> pl.Series:
    lengths = layout.footprints(layout.lengths[layout.rows])
    return _number_values(layout, lengths, by_position=True)


def _segment_ids(layout: Layout) -> pl.Series:
    lengths = layout.with_extra(layout.lengths[layout.rows])
    return _number_values(layout, lengths, by_position=False)


def _number_values(
    layout: Layout, lengths: Int32Array, *, by_position: bool
) -> pl.Series:
    """Give each value of all sequences a number: see the kernel."""
    ids = np.empty(layout.n_values, np.int32)
    offsets = layout.bin_offsets[layout.rows]

    def number(first: int, end: int) -> None:
        kernels.boundaries.number_values(
            layout.first[first : end + 1],
            offsets,
            lengths,
            layout.sequence_starts[first : end + 1],
            by_position,
            ids,
        )

    shares = split_evenly(layout.n_bins, 4 * layout.n_values // max(1, layout.n_bins))
    map_in_threads(number, shares[:-1], shares[1:])
    return layout.as_sequences(pl.Series(ids))


BOUNDARIES: dict[str, Callable[[Layout], pl.Series]] = {
    "seq_lengths": _seq_lengths,
    "position_ids": _position_ids,
    "cu_seqlens": _cu_seqlens,
    "seq_start_id": _seq_start_id,
    "segment_ids": _segment_ids,
}
"""Those that follow from the layout alone, by name."""
