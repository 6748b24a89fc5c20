"""Runs: the bins of a packing -> the runs of a plan.

Bins that are alike become neighbours, and within a bin the largest chunk comes first:
chunks of a size that lie at one offset in neighbouring bins are a run then. Bins are
numbered as by best-fit: one with a longer first chunk comes before one with a shorter.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem
from fastpack.packing.optimal.rounding import Bins, Packing


def make_runs(
    packing: Packing, problem: Problem, chunks: Chunks, options: PackingOptions
) -> npt.NDArray[Any]:
    """Return the runs of a packing, the longest chunks first.

    Parameters
    ----------
    packing, problem
        The packing, and the problem that it packs.
    chunks, options
        The chunks and the rules that the problem was made of.
    """
    rest = _bins_of_runs(packing.rest, problem.sizes)
    ranges = _merge(_ranges_of(_sort([*packing.parts, rest]), problem.sizes))
    footprints = options.footprints(chunks.lengths)
    if problem.sizes.size < chunks.lengths.size:
        # Several lengths have one footprint.
        n_lengths = np.bincount(np.unique(footprints, return_inverse=True)[1])
        ranges = _split_rounds(ranges, n_lengths > 1, problem.sizes)
    # Lengths and ranges, as numbers of chunks, both by descending footprint.
    ends = np.cumsum(ranges.bins * ranges.times)
    length_ends = np.cumsum(chunks.counts)
    run_ends = np.union1d(ends, length_ends)
    run_starts = np.append(0, run_ends[:-1])
    place = np.searchsorted(ends, run_starts, side="right")
    length = np.searchsorted(length_ends, run_starts, side="right")
    chunks_before = run_starts - np.append(0, ends[:-1])[place]
    runs = np.empty(run_ends.size, kernels.best_fit.RUN)
    # A range of several rounds is of one length: then there are none before.
    runs["first_bin"] = ranges.first_bin[place] + chunks_before
    runs["bins"] = (run_ends - run_starts) // ranges.times[place]
    runs["chunk_length"] = chunks.lengths[length]
    runs["chunks_per_bin"] = ranges.times[place]
    divisor = int(footprints[-1]) // int(problem.sizes[0])
    runs["bin_offset"] = divisor * ranges.offset[place]
    runs["footprint"] = footprints[length]
    runs["group"] = 0
    return runs


class _Ranges(NamedTuple):
    """Ranges of neighbouring bins, each with some chunks of one item at one offset."""

    item: Int64Array
    first_bin: Int64Array
    bins: Int64Array
    offset: Int64Array
    times: Int64Array

    def take(self, which: npt.NDArray[Any]) -> "_Ranges":
        return _Ranges(*(column[which] for column in self))


def _bins_of_runs(runs: npt.NDArray[Any], sizes: Int64Array) -> Bins:
    """Return the patterns of bins that best-fit filled, by the sizes of chunks."""
    first, end = runs["first_bin"], runs["first_bin"] + runs["bins"]
    edges = np.union1d(first, end)
    from_edge, to_edge = np.searchsorted(edges, first), np.searchsorted(edges, end)
    n_edges = to_edge - from_edge
    run = np.repeat(np.arange(runs.size), n_edges)
    edge = np.arange(run.size) + np.repeat(
        from_edge - (np.cumsum(n_edges) - n_edges), n_edges
    )
    # Runs are by descending size, and stay so in each bin.
    order = np.argsort(edge, kind="stable")
    items = np.searchsorted(sizes, runs["chunk_length"][run[order]])
    starts = np.searchsorted(edge[order], np.arange(edges.size))
    times = runs["chunks_per_bin"][run[order]]
    return Bins(Patterns(starts, items.astype(np.int32), times), np.diff(edges))


def _sort(parts: Sequence[Bins]) -> Bins:
    """Sort patterns by descending sizes; add up the uses of those that are alike."""
    patterns = Patterns.join([part.patterns for part in parts])
    uses = np.concatenate([part.uses for part in parts])
    # As text, patterns are in the order of their sizes: big-endian.
    text = np.stack([patterns.items, patterns.times], axis=1).astype(">i4").tobytes()
    ends = (8 * patterns.starts).tolist()
    keys = [text[ends[i] : ends[i + 1]] for i in range(patterns.number)]
    order = sorted(range(patterns.number), key=keys.__getitem__, reverse=True)
    is_first = [
        i == 0 or keys[order[i]] != keys[order[i - 1]] for i in range(len(order))
    ]
    first = np.flatnonzero(is_first)
    which = np.array(order, np.int64)
    if first.size:
        uses = np.add.reduceat(uses[which], first)
    return Bins(patterns.take(which[first]), uses)


def _ranges_of(bins: Bins, sizes: Int64Array) -> _Ranges:
    """Return the ranges of bins that are sorted, by descending item."""
    patterns = bins.patterns
    owners = patterns.owners()
    filled = sizes[patterns.items] * patterns.times
    before = np.cumsum(filled) - filled
    ranges = _Ranges(
        patterns.items.astype(np.int64),
        (np.cumsum(bins.uses) - bins.uses)[owners],
        bins.uses[owners],
        before - before[patterns.starts[:-1]][owners],
        patterns.times.astype(np.int64),
    )
    return ranges.take(np.argsort(-ranges.item, kind="stable"))


def _merge(ranges: _Ranges) -> _Ranges:
    """Merge ranges that are neighbours, and alike."""
    is_first = np.ones(ranges.item.size, bool)
    is_first[1:] = ranges.first_bin[1:] != (ranges.first_bin + ranges.bins)[:-1]
    for column in (ranges.item, ranges.offset, ranges.times):
        is_first[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(is_first)
    bins = np.add.reduceat(ranges.bins, first)
    return ranges.take(first)._replace(bins=bins)


def _split_rounds(
    ranges: _Ranges, is_shared: npt.NDArray[np.bool_], sizes: Int64Array
) -> _Ranges:
    """Make ranges of several rounds several ranges, if lengths share their item.

    Those of an item are sorted by offset: the longest chunks go where they are first
    in a bin, and in each bin the longer ones come first.
    """
    n_rounds = np.where(is_shared[ranges.item], ranges.times, 1)
    numbers = np.arange(n_rounds.sum()) - np.repeat(
        np.cumsum(n_rounds) - n_rounds, n_rounds
    )
    split = ranges.take(np.repeat(np.arange(n_rounds.size), n_rounds))
    split = split._replace(
        offset=split.offset + numbers * sizes[split.item],
        times=np.where(is_shared[split.item], 1, split.times),
    )
    offset = np.where(is_shared[split.item], split.offset, 0)
    return split.take(np.lexsort((split.first_bin, offset, -split.item)))
