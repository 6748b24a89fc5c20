"""Chunks -> runs: best-fit decreasing, by the kernel."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array, exact_sum
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks
from fastpack.packing.spaces import new_spaces

_LARGE = 1 << 16
"""Tokens of capacity whose arrays cost nothing to speak of."""


class Placed(NamedTuple):
    """Chunks of a group in bins of their own, from 0 on.

    Parameters
    ----------
    runs
        Dtype `fastpack.kernels.best_fit.RUN`, the longest chunks first.
    n_bins
        The number of bins.
    """

    runs: npt.NDArray[Any]
    n_bins: int


def place_best_fit(chunks: Chunks, options: PackingOptions) -> Placed:
    """Place the chunks of a group by best-fit decreasing."""
    footprints = options.footprints(chunks.lengths)
    return place_sizes(
        chunks.lengths,
        footprints,
        chunks.counts,
        options.context_length,
        options.max_chunks_per_bin,
    )


def place_sizes(
    lengths: Int64Array,
    footprints: Int64Array,
    counts: Int64Array,
    capacity: int,
    max_chunks: int,
) -> Placed:
    """Place chunks of these lengths, the longest first, by best-fit decreasing.

    A large capacity beyond the footprints of all chunks would only cost address space,
    and the packing is the same without.
    """
    if lengths.size == 0:
        return Placed(join_runs([]), 0)
    if capacity > _LARGE:
        capacity = min(capacity, exact_sum(footprints, counts))
    try:
        spaces = new_spaces(capacity, lengths.size)
    except MemoryError as error:
        msg = (
            f"`context_length` {capacity} needs {4 * capacity:,} bytes of address "
            "space, more than this machine gives\n"
            "Hint: choose a shorter context length."
        )
        raise MemoryError(msg) from error
    left = counts.copy()
    # Measured: 2.5 to 3 runs a length. If there are more, another round follows.
    buffer = np.empty(4 * lengths.size, kernels.best_fit.RUN)
    parts: list[npt.NDArray[Any]] = []
    while True:
        n_runs = kernels.best_fit.best_fit_decreasing(
            spaces,
            capacity,
            lengths,
            footprints,
            left,
            max_chunks,
            buffer,
        )
        if n_runs < buffer.size:
            break
        parts.append(join_runs([buffer]))
    runs = join_runs([*parts, buffer[:n_runs]]) if parts else buffer[:n_runs]
    return Placed(runs, int(spaces.nodes[kernels.best_fit.EMPTY_BINS]["first"]))


def join_groups(
    placed: Sequence[Placed], groups: Sequence[Chunks], options: PackingOptions
) -> tuple[npt.NDArray[Any], list[int]]:
    """Put the bins of groups one after the other, and add those of `bins_multiple`.

    Returns
    -------
    runs, n_bins
        The runs of all groups, and the number of bins of each.
    """
    runs = [part.runs for part in placed]
    n_bins = [part.n_bins for part in placed]
    n_more = -sum(n_bins) % options.bins_multiple
    for group in reversed(range(len(groups))):
        # A bin can give all its chunks but one.
        movable = groups[group].n_chunks - n_bins[group]
        if moved := min(n_more, movable):
            runs[group] = spread_to(runs[group], n_bins[group], moved)
            n_bins[group] += moved
            n_more -= moved
    if n_more:
        msg = (
            f"`bins_multiple` is {options.bins_multiple:,}, and there are too few "
            f"chunks, {sum(n_bins):,}, for so many bins: {sum(n_bins) + n_more:,}\n"
            "Hint: choose a smaller multiple, or a shorter `context_length`."
        )
        raise DataError(msg)
    if len(runs) == 1:
        return runs[0], n_bins
    first_bin = 0
    for group, part in enumerate(runs):
        part["first_bin"] += first_bin
        part["group"] = group
        first_bin += n_bins[group]
    return join_runs(runs), n_bins


def spread_to(runs: npt.NDArray[Any], n_bins: int, n_more: int) -> npt.NDArray[Any]:
    """Move the last chunks of bins that hold several to `n_more` new bins, one to each.

    The chunks that were placed last are moved first: they are at the ends of their
    bins, so none leaves a hole. At most all but one chunk of each bin can be moved.

    Returns
    -------
    numpy.ndarray
        The runs, with the moved chunks in runs of their own.
    """
    changed: list[Any] = []
    moved: list[Any] = []
    last = runs.size
    while n_more:
        last -= 1
        run = runs[last]
        bins, per_bin = int(run["bins"]), int(run["chunks_per_bin"])
        # The first chunk of a bin stays where it is.
        movable = per_bin if run["bin_offset"] else per_bin - 1
        n_moved = min(n_more, movable * bins)
        n_more -= n_moved
        rounds, others = divmod(n_moved, bins)
        # The last `others` bins lose one chunk more than the rest.
        first, end = int(run["first_bin"]), int(run["first_bin"]) + bins
        changed += _part(run, end - others, others, per_bin - rounds - 1)
        changed += _part(run, first, bins - others, per_bin - rounds)
        new = _part(run, n_bins + n_more, n_moved, 1)
        for part in new:
            part["bin_offset"] = 0
        moved += new
    result = join_runs([runs[:last], np.array([*changed[::-1], *moved], runs.dtype)])
    # The runs of a length follow each other, the longest length first.
    return take_runs(result, np.argsort(-result["chunk_length"], kind="stable"))


def _part(run: Any, first_bin: int, bins: int, chunks_per_bin: int) -> list[Any]:
    """Return a part of a run, if there is any."""
    if bins == 0 or chunks_per_bin == 0:
        return []
    part = run.copy()
    part["first_bin"] = first_bin
    part["bins"] = bins
    part["chunks_per_bin"] = chunks_per_bin
    return [part]


# NumPy copies records field by field, at 20 times the price of their bytes.


def join_runs(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Copy runs one after the other into an array of their own."""
    as_bytes = [np.empty(0, np.uint8), *(part.view(np.uint8) for part in parts)]
    return np.concatenate(as_bytes).view(kernels.best_fit.RUN)


def take_runs(runs: npt.NDArray[Any], order: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Copy some of the runs, or all in another order."""
    as_bytes = runs.view(np.uint8).reshape(runs.size, runs.itemsize)
    return as_bytes[order].reshape(-1).view(runs.dtype)
