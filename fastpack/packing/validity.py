"""Validity: whether runs are a packing of some chunks, whoever made them.

Best-fit is planned anew and compared. A plan that took a search is taken as it is: what
matters is that every chunk has its place, and that no bin holds more than it can.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks
from fastpack.packing.profile import bin_edges, profile_of, sum_over_bins


def check_runs(
    runs: npt.NDArray[Any], groups: Sequence[Chunks], options: PackingOptions
) -> list[int]:
    """Refuse runs that are no packing of the chunks of these groups.

    Every chunk has a place, in a bin of its group; bins are filled from their start on,
    without a hole or an overlap, and hold neither more tokens nor more chunks than they
    may. Their `footprint` is taken to be that of the rules.

    Returns
    -------
    list of int
        The bins of each group, which follow each other.

    Raises
    ------
    DataError
        They are no such packing.
    """
    for name, least in (
        ("bins", 1),
        ("chunks_per_bin", 1),
        ("first_bin", 0),
        ("bin_offset", 0),
        ("chunk_length", 1),
        ("group", 0),
    ):
        _refuse(runs[name] < least, f"`{name}` of a run is less than {least}")
    # Else a key below could be that of another group and length.
    _refuse(runs["chunk_length"] > options.max_chunk, "a chunk is too long")
    _refuse(runs["group"] >= len(groups), "a run is of a group that there is not")
    _check_chunks(runs, groups, options)
    n_bins = _check_groups(runs, groups)
    _check_bins(runs, options)
    _refuse(
        sum(n_bins) % options.bins_multiple,
        "the number of bins is no multiple of `bins_multiple`",
    )
    return n_bins


def _check_chunks(
    runs: npt.NDArray[Any], groups: Sequence[Chunks], options: PackingOptions
) -> None:
    """Refuse runs of other chunks, or in another order."""
    group = runs["group"].astype(np.int64)
    span = options.context_length + 1
    keys = group * span - runs["chunk_length"]
    first = np.flatnonzero(np.diff(keys, prepend=-2 * span))
    none = np.empty(0, np.int64)
    lengths = [i * span - chunks.lengths for i, chunks in enumerate(groups)]
    expected = np.concatenate([none, *lengths])
    _refuse(
        not np.array_equal(keys[first], expected),
        "their lengths are not those of the chunks, the longest first",
    )
    counts = np.concatenate([none, *(chunks.counts for chunks in groups)])
    of_runs = np.repeat(counts, np.diff(first, append=keys.size))
    _refuse(
        runs["bins"] > of_runs // runs["chunks_per_bin"],
        "a run has more chunks than there are of its length",
    )
    n_chunks = runs["bins"] * runs["chunks_per_bin"]
    if first.size:
        _refuse(
            np.add.reduceat(n_chunks, first) != counts,
            "not every chunk of a length has one place",
        )
    full = runs["chunk_length"] == options.max_chunk
    _refuse(np.diff(group[full]) == 0, "the chunks of full length are not one run")


def _check_groups(runs: npt.NDArray[Any], groups: Sequence[Chunks]) -> list[int]:
    """Return the bins of each group; refuse bins that two groups share."""
    most = sum(chunks.n_chunks for chunks in groups)
    _refuse(runs["first_bin"] > most - runs["bins"], "there are more bins than chunks")
    starts = np.full(len(groups), most)
    ends = np.zeros(len(groups), np.int64)
    np.minimum.at(starts, runs["group"], runs["first_bin"])
    np.maximum.at(ends, runs["group"], runs["first_bin"] + runs["bins"])
    has_chunks = ends > 0
    before = np.append(0, ends[has_chunks][:-1]) if has_chunks.any() else starts[:0]
    _refuse(
        starts[has_chunks] != before,
        "the bins of a group do not follow those of the group before",
    )
    n_bins = np.zeros(len(groups), np.int64)
    n_bins[has_chunks] = ends[has_chunks] - before
    return [int(number) for number in n_bins]


def _check_bins(runs: npt.NDArray[Any], options: PackingOptions) -> None:
    """Refuse bins with a hole, an overlap or too much in them.

    Each run starts in its bins where another one ends, or at 0, and where the last one
    of a bin ends, none starts. So the sum of any function h over the starts in a bin,
    less that over the ends, is h(0) less h(the end of all). If it is so of a random
    function, they do; by chance it is so once in 2**64 times.
    """
    profile = profile_of(runs)
    _refuse(profile.chunks < 1, "a bin is empty")
    _refuse(
        profile.chunks > options.max_chunks_per_bin,
        "a bin has more chunks than `max_documents`",
    )
    _refuse(
        profile.filled > options.context_length,
        "a bin holds more tokens than `context_length`",
    )
    key = np.uint64(secrets.randbits(64))
    start = runs["bin_offset"].astype(np.int64)
    end = start + runs["chunks_per_bin"].astype(np.int64) * runs["footprint"]
    steps = _hash(start, key) - _hash(end, key)
    sums = sum_over_bins(runs, bin_edges(runs), steps)
    empty = _hash(np.zeros_like(profile.filled), key)
    _refuse(
        sums != empty - _hash(profile.filled, key),
        "the chunks of a bin overlap, or leave a hole",
    )


def _hash(places: Int64Array, key: np.uint64) -> npt.NDArray[np.uint64]:
    """Hash places within bins, by SplitMix64."""
    z = places.astype(np.uint64) + key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _refuse(is_wrong: Any, what: str) -> None:
    """Raise DataError if something is wrong anywhere."""
    if np.any(is_wrong):
        msg = f"the runs are no packing of the documents: {what}"
        raise DataError(msg)
