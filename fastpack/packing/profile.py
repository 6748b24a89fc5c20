"""Profile: the bins of a plan by what they hold, from its runs alone."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array


class Profile(NamedTuple):
    """Ranges of neighbouring bins that the same runs filled.

    Parameters
    ----------
    bins
        The bins in each range; the ranges follow each other.
    chunks, filled
        The chunks in each of these bins, and the tokens of their footprints.
    """

    bins: Int64Array
    chunks: Int64Array
    filled: Int64Array


def profile_of(runs: npt.NDArray[Any]) -> Profile:
    """Sum up the changes from one bin to the next. O(runs log runs), for any bins."""
    chunks = runs["chunks_per_bin"].astype(np.int64)
    footprints = chunks * runs["footprint"]
    edges = bin_edges(runs)
    return Profile(
        np.diff(edges),
        sum_over_bins(runs, edges, chunks),
        sum_over_bins(runs, edges, footprints),
    )


def bin_edges(runs: npt.NDArray[Any]) -> Int64Array:
    """Return the bins at which a run starts or has ended."""
    first, bins = runs["first_bin"], runs["bins"]
    return np.unique(np.concatenate([first, first + bins]))


def sum_over_bins(
    runs: npt.NDArray[Any], edges: Int64Array, values: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Add up values of runs, one each, in every range of bins between edges."""
    first, bins = runs["first_bin"], runs["bins"]
    changes = np.zeros(edges.size, values.dtype)
    np.add.at(changes, np.searchsorted(edges, first), values)
    np.subtract.at(changes, np.searchsorted(edges, first + bins), values)
    return np.cumsum(changes, dtype=values.dtype)[:-1]
