"""Placement: the chunks of all groups in their places, by the rule `strategy`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.grouped_histogram import Histogram
from fastpack.options import PackingOptions
from fastpack.packing.best_fit import join_groups, place_best_fit
from fastpack.packing.chunks import Chunks
from fastpack.packing.optimal.certificate import Proof
from fastpack.packing.optimal.place import SearchProgress, place_optimally
from fastpack.schemas import RUNS_SCHEMA

OnProgress = Callable[[SearchProgress], None]


class Placement(NamedTuple):
    """All chunks in their places.

    Parameters
    ----------
    runs
        Dtype `fastpack.kernels.best_fit.RUN`: those of each group together, by
        descending length.
    n_bins
        The bins of each group, which follow each other.
    proof
        The proof of a search; None without one.
    """

    runs: npt.NDArray[Any]
    n_bins: list[int]
    proof: Proof | None


def place(
    groups: Sequence[Chunks], options: PackingOptions, on_progress: OnProgress | None
) -> Placement:
    """Place the chunks of each group into bins of its own.

    A search calls `on_progress` as it finds something better.
    """
    if options.strategy == "optimal":
        on_progress = on_progress or (lambda _: None)
        return Placement(*place_optimally(groups, options, on_progress))
    placed = [place_best_fit(chunks, options) for chunks in groups]
    return Placement(*join_groups(placed, groups, options), None)


def table_of_runs(runs: npt.NDArray[Any], histogram: Histogram) -> pl.DataFrame:
    """Return runs as a table, with the columns of the rule `by` first."""
    table = pl.DataFrame(
        {name: np.ascontiguousarray(runs[name]) for name in RUNS_SCHEMA}
    )
    if not histogram.by:
        return table
    groups: pl.DataFrame = histogram.groups[runs["group"].tolist()]
    return groups.hstack(table)
