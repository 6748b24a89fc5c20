"""The frame of a histogram -> the histogram: what `to_frame` made, read from a file."""

import numpy as np
import polars as pl
import polars.selectors as cs

from fastpack.documents.grouped_histogram import (
    GroupedHistogram,
    Histogram,
    check_order,
)
from fastpack.documents.groups import select_by
from fastpack.documents.histogram import LengthHistogram
from fastpack.errors import DataError


def read_histogram(frame: pl.DataFrame) -> Histogram:
    """Turn the frame of a histogram, with or without groups, into the histogram."""
    if frame.width == 2:  # noqa: PLR2004 -- lengths and documents
        return LengthHistogram(frame["length"], frame["documents"])
    by = frame.columns[:-2]
    entries = select_by(frame, by).hstack(
        frame.select(pl.col("length", "documents").cast(pl.Int64))
    )
    histogram = _of_entries(entries)
    steps = np.diff(histogram.lengths, prepend=-1)
    steps[histogram.starts[:-1]] = histogram.lengths[histogram.starts[:-1]] + 1
    if np.any(steps < 1) or np.any(histogram.counts < 1):
        msg = (
            "a histogram of groups has lengths or counts that cannot be right\n"
            "Hint: its file was changed; make it again."
        )
        raise DataError(msg)
    check_order(histogram.groups)
    return histogram


def _of_entries(entries: pl.DataFrame) -> GroupedHistogram:
    """Turn the frame of a histogram, which is in its order, into the histogram."""
    groups = entries.select(cs.exclude("length", "documents"))
    is_first = np.zeros(entries.height, bool)
    is_first[:1] = True
    for column in groups.iter_columns():
        is_first[1:] |= (column[1:] != column[:-1]).to_numpy()
    starts = np.flatnonzero(is_first)
    return GroupedHistogram.of_arrays(
        groups[starts],
        np.append(starts, entries.height),
        entries["length"].to_numpy(),
        entries["documents"].to_numpy(),
    )
