"""Exhaustive: a few chunks -> the fewest bins, by trying all packings.

With a few chunks, what dives round up may cost a bin, which is a large part of a few.
"""

import numpy as np

from fastpack.packing.best_fit import join_runs
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem
from fastpack.packing.optimal.rounding import Bins, Packing

MOST_CHUNKS = 32
"""With more, trying all packings is hopeless, and dives are good."""

_MOST_STEPS = 50_000
"""Chunks put into a bin, until it is given up: a tenth of a second."""


class _GivenUpError(Exception):
    """There are too many packings."""


def pack_exhaustively(problem: Problem, n_bins: int) -> Packing | None:
    """Return a packing into at most so many bins, if one is found.

    Parameters
    ----------
    problem
        At most `MOST_CHUNKS` chunks.
    n_bins
        The number of bins.
    """
    trial = _Trial(problem, n_bins)
    try:
        is_found = trial.place(0)
    except _GivenUpError:
        return None
    return trial.packing() if is_found else None


class _Trial:
    """Bins that are filled chunk by chunk, the largest first, and emptied again."""

    def __init__(self, problem: Problem, n_bins: int) -> None:
        items = np.repeat(np.arange(problem.sizes.size), problem.counts)[::-1]
        self._items: list[int] = items.tolist()
        self._sizes: list[int] = problem.sizes[items].tolist()
        self._most = problem.max_chunks
        self._spaces = [problem.capacity] * n_bins
        self._bins: list[list[int]] = [[] for _ in range(n_bins)]
        # The capacity that may stay empty.
        self._spare = n_bins * problem.capacity - sum(self._sizes)
        self._steps = 0

    def place(self, number: int) -> bool:
        """Place the chunks from this number on; say whether that is possible."""
        if number == len(self._sizes):
            return True
        size, smallest = self._sizes[number], self._sizes[-1]
        wasted = sum(
            space
            for space, chunks in zip(self._spaces, self._bins, strict=True)
            if space < smallest or len(chunks) == self._most
        )
        if wasted > self._spare:
            return False
        tried = set()
        for i in sorted(range(len(self._bins)), key=self._spaces.__getitem__):
            alike = self._spaces[i], len(self._bins[i])
            if size > alike[0] or alike[1] == self._most or alike in tried:
                continue
            tried.add(alike)
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise _GivenUpError
            self._spaces[i] -= size
            self._bins[i].append(self._items[number])
            if self.place(number + 1):
                return True
            self._bins[i].pop()
            self._spaces[i] += size
        return False

    def packing(self) -> Packing:
        """Return the packing of all chunks."""
        filled = filter(None, self._bins)
        kinds = [np.unique(chunks, return_counts=True) for chunks in filled]
        patterns = Patterns(
            np.cumsum([0, *(items.size for items, _ in kinds)]),
            np.concatenate([items[::-1] for items, _ in kinds]).astype(np.int32),
            np.concatenate([times[::-1] for _, times in kinds]).astype(np.int32),
        )
        uses = np.ones(patterns.number, np.int64)
        return Packing((Bins(patterns, uses),), join_runs([]), patterns.number)
