"""Place the chunks of all groups in nearly as few bins as any packing needs."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array, exact_sum
from fastpack.options import PackingOptions
from fastpack.packing.best_fit import Placed, join_groups, place_best_fit
from fastpack.packing.bounds import lower_bounds
from fastpack.packing.chunks import Chunks
from fastpack.packing.optimal.certificate import EndedBy, Proof, price_table
from fastpack.packing.optimal.effort import Effort, OutOfTimeError
from fastpack.packing.optimal.exhaustive import MOST_CHUNKS, pack_exhaustively
from fastpack.packing.optimal.master import SolverError, check_extra
from fastpack.packing.optimal.problem import Problem
from fastpack.packing.optimal.runs import make_runs
from fastpack.packing.optimal.search import Search


class SearchProgress(NamedTuple):
    """How far a search has come.

    Parameters
    ----------
    n_bins, lower_bound
        The bins of the best packing so far, and the best bound.
    """

    n_bins: int
    lower_bound: int

    @property
    def gap(self) -> float:
        """The bins above the bound, as a fraction of it."""
        return self.n_bins / self.lower_bound - 1 if self.lower_bound else 0.0


def place_optimally(
    groups: Sequence[Chunks],
    options: PackingOptions,
    on_progress: Callable[[SearchProgress], None] = lambda _: None,
) -> tuple[npt.NDArray[Any], list[int], Proof]:
    """Place the chunks of each group into bins of its own, which follow each other.

    Best-fit and the cheap bounds come first; then the groups that are furthest above
    their bounds are searched, until all together are near enough.

    Returns
    -------
    runs, n_bins, proof
        The runs of all groups, the number of bins of each, and what is proven.
    """
    check_extra()
    placing = _Placing(groups, options, on_progress)
    if not placing.is_near and options.time_limit > 0:
        before = time.monotonic()
        _load_kernels()
        placing.start += time.monotonic() - before
    placing.search()
    runs, n_bins = join_groups(placing.placed, groups, options)
    return runs, n_bins, placing.proof()


@functools.cache
def _load_kernels() -> None:
    """Search for a small packing, for kernels to be compiled, or loaded.

    That takes seconds: beside the clock, or a first search would end otherwise than a
    second one.
    """
    options = PackingOptions(context_length=100, strategy="optimal", optimality_gap=0.0)
    lengths = np.arange(40, 20, -1)
    counts = np.full(lengths.size, 1000)
    chunks = Chunks(lengths, counts, exact_sum(counts), 0, 0, 0, 0, 0)
    _Placing([chunks], options, lambda _: None).search()


class _Placing:
    """The packings and the bounds of all groups, while they are searched.

    `start` is when the time began that the search may take.
    """

    def __init__(
        self,
        groups: Sequence[Chunks],
        options: PackingOptions,
        on_progress: Callable[[SearchProgress], None],
    ) -> None:
        self._groups = groups
        self._options = options
        self._on_progress = on_progress
        self.placed = [place_best_fit(chunks, options) for chunks in groups]
        self.start = time.monotonic()
        self._bounds = lower_bounds(groups, options)
        self._prices: list[Int64Array | None] = [None] * len(groups)
        self._n_bins = sum(part.n_bins for part in self.placed)
        self._bound = sum(self._bounds)
        self._iterations = 0
        self._is_out_of_time = False

    def search(self) -> None:
        """Search the groups, those first that are furthest above their bounds."""
        above = [
            part.n_bins - bound
            for part, bound in zip(self.placed, self._bounds, strict=True)
        ]
        end = self.start + self._options.time_limit
        for group in sorted(range(len(above)), key=lambda group: -above[group]):
            if self.is_near or above[group] == 0:
                return
            # All the time that is left: by shares of it, the clock would decide before
            # the limit.
            seconds = end - time.monotonic()
            if seconds <= 0:
                self._is_out_of_time = True
                return
            self._search(group, seconds)

    @property
    def is_near(self) -> bool:
        """Whether all together are near enough to their bounds."""
        gap = self._options.optimality_gap
        multiple = self._options.bins_multiple
        n_bins, bound = -(-self._n_bins // multiple), -(-self._bound // multiple)
        return n_bins - bound <= gap * bound

    def _search(self, group: int, seconds: float) -> None:
        """Search one group, for so many seconds; keep what was found."""
        options, chunks = self._options, self._groups[group]
        problem = Problem.of_chunks(chunks, options)
        effort = Effort(seconds)
        n_bins, bound = self.placed[group].n_bins, self._bounds[group]
        others = SearchProgress(self._n_bins - n_bins, self._bound - bound)

        def on_progress(n_bins: int, bound: int) -> None:
            self._n_bins = others.n_bins + n_bins
            self._bound = others.lower_bound + bound
            self._on_progress(SearchProgress(self._n_bins, self._bound))

        search = Search(
            problem,
            n_bins=n_bins,
            bound=bound,
            gap=options.optimality_gap,
            effort=effort,
            on_progress=on_progress,
        )
        try:
            search.run()
            _try_all_packings(search, problem)
        except OutOfTimeError:
            self._is_out_of_time = True
        except SolverError:
            pass  # the best so far is as good as it is
        self._iterations += effort.iterations
        if search.packing is not None:
            runs = make_runs(search.packing, problem, chunks, options)
            self.placed[group] = Placed(runs, search.n_bins)
        if search.prices is not None:
            footprints = options.footprints(chunks.lengths)
            items = np.unique(footprints, return_inverse=True)[1]
            self._prices[group] = search.prices[items]

    def proof(self) -> Proof:
        """Return the proof, with the reason of the search's end."""
        ended_by: EndedBy = "search"
        if self.is_near:
            ended_by = "gap"
        elif self._is_out_of_time:
            ended_by = "time"
        seconds = time.monotonic() - self.start
        prices = price_table(self._prices, self._groups)
        return Proof(prices, self._iterations, seconds, ended_by)


def _try_all_packings(search: Search, problem: Problem) -> None:
    """Find the fewest bins if there are only a few chunks."""
    if exact_sum(problem.counts) > MOST_CHUNKS:
        return
    while not search.is_done:
        packing = pack_exhaustively(problem, search.n_bins - 1)
        if packing is None:
            return
        search.packing, search.n_bins = packing, packing.n_bins
