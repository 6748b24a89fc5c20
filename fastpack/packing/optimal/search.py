"""Search: the chunks of a group -> a packing and a bound, closer and closer."""

from collections.abc import Callable

import numpy as np

from fastpack.documents.sums import Int64Array
from fastpack.packing.optimal.effort import Effort
from fastpack.packing.optimal.knots import Floats
from fastpack.packing.optimal.problem import Problem
from fastpack.packing.optimal.relaxation import Relaxation
from fastpack.packing.optimal.rounding import Dive, Packing, Relaxed

_KNOTS = (32, 128, 512)
"""The knots of the relaxations that give the first bounds."""

_CLASSES = 512
"""The classes of the first dive."""

_MORE = 2
"""Each further round has so many times the knots and the classes."""

_THRESHOLDS = (0.5, 0.8)
"""The fractions of a use that the last dives round up."""

_FEW_SIZES, _OTHERS = 32, 16
"""With so few sizes, dives are fast: more of them begin with other patterns, those that
are less used (limited discrepancy search: Harvey and Ginsberg, 1995)."""

_LEAST_TOLERANCE = 1e-6


class Search:
    """The search for a packing of a group in few bins, and for a bound.

    Parameters
    ----------
    problem
        The chunks.
    n_bins, bound
        The number of bins of a packing that is known, and a bound on it.
    gap
        How far above the bound, as a fraction of it, is near enough.
    effort
        The effort that it may take.
    on_progress
        Called with the number of bins and the bound as one of them is better.

    Attributes
    ----------
    n_bins, bound : int
        The best so far.
    packing : Packing or None
        The packing of so many bins; None is the one that was known.
    prices : numpy.ndarray or None
        The prices of the items that prove the bound; None if it was known.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        n_bins: int,
        bound: int,
        gap: float,
        effort: Effort,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.n_bins = n_bins
        self.bound = bound
        self.packing: Packing | None = None
        self.prices: Int64Array | None = None
        self._problem = problem
        self._gap = gap
        self._effort = effort
        self._on_progress = on_progress
        self._tolerance = max(self._gap / 5, _LEAST_TOLERANCE)

    @property
    def is_done(self) -> bool:
        """Whether the packing is near enough to the bound."""
        return self.n_bins - self.bound <= self._gap * self.bound

    def run(self) -> None:
        """Search until it is done, or there is no more to try.

        Raises OutOfTimeError and SolverError; the best is kept.
        """
        if self.is_done:
            return
        fine, self._problem = self._problem, self._problem.coarse()
        relaxation = Relaxation(self._problem.rounded_down(), self._effort)
        n_knots = _KNOTS[0]
        if relaxation.problem.sizes.size:
            n_knots = self._run_merged(relaxation)
        if self._problem.unit > fine.unit and not self.is_done:
            self._problem = fine
            before = relaxation
            relaxation = Relaxation(fine.rounded_down(), self._effort)
            sizes = relaxation.problem.sizes / relaxation.problem.capacity
            if sizes.size:
                self._raise_bound(relaxation, n_knots, start=before.prices_of(sizes))
        if relaxation.problem.sizes.size and not self.is_done:
            self._pack_exactly(relaxation)

    def _run_merged(self, relaxation: Relaxation) -> int:
        """Search with more and more knots and classes; return the number of knots."""
        n_sizes = relaxation.problem.sizes.size
        for n_knots in _KNOTS:
            before = relaxation.prices.bins
            self._raise_bound(relaxation, n_knots)
            gained = relaxation.prices.bins - before
            if self.is_done:
                return n_knots
            if n_knots >= n_sizes or gained < self._tolerance * self.bound:
                break
        n_classes = _CLASSES
        while True:
            self._pack(relaxation, n_classes)
            if self.is_done or n_classes >= self._problem.sizes.size:
                return n_knots
            if n_knots < n_sizes:
                n_knots = max(_MORE * n_knots, n_classes)
                self._raise_bound(relaxation, n_knots)
            n_classes *= _MORE

    def _raise_bound(
        self, relaxation: Relaxation, n_knots: int, start: Floats | None = None
    ) -> None:
        """Solve a relaxation of all items, and keep its bound if it is better."""
        relaxation.solve(n_knots, self._tolerance, start=start)
        self._prove(relaxation)

    def _prove(self, relaxation: Relaxation) -> None:
        if relaxation.prices.bound > self.bound:
            self.bound = relaxation.prices.bound
            values = relaxation.prices.values
            n_omitted = self._problem.sizes.size - values.size
            self.prices = np.append(np.zeros(n_omitted, np.int64), values)
            self._on_progress(self.n_bins, self.bound)

    def _pack(self, relaxation: Relaxation, n_classes: int) -> None:
        """Dive by classes, to as few bins as are few enough."""
        enough = self.bound * (1 + self._gap / 2)
        tolerance = max(self._gap / 2, _LEAST_TOLERANCE)
        dive = Dive(self._problem, n_classes, tolerance, self._effort)
        relaxed = dive.relax(relaxation, enough)
        self._dive(dive, relaxed, _THRESHOLDS[0], enough)

    def _pack_exactly(self, relaxation: Relaxation) -> None:
        """Dive by all sizes, to as few bins as can be reached."""
        n_classes = self._problem.sizes.size
        dive = Dive(self._problem, n_classes, _LEAST_TOLERANCE, self._effort)
        relaxed = dive.relax(relaxation, 0.0)
        if self._problem.unit == 1:
            self._prove(relaxed.relaxation)
        ways = [(threshold, 0) for threshold in _THRESHOLDS]
        if n_classes <= _FEW_SIZES:
            ways += [(1.0, other) for other in range(1, _OTHERS)]
        for threshold, other in ways:
            self._dive(dive, relaxed, threshold, 0.0, other)
            if self.is_done:
                return
            dive = Dive(self._problem, n_classes, _LEAST_TOLERANCE, self._effort)

    def _dive(
        self,
        dive: Dive,
        relaxed: Relaxed,
        threshold: float,
        enough: float,
        other: int = 0,
    ) -> None:
        """Keep the best packing of a dive, that begins with another pattern or not."""
        while True:
            before = dive.n_bins
            fractions = dive.fill(relaxed)
            self._keep(dive.complete())
            if self.is_done:
                return
            if not relaxed.is_merged or dive.n_bins == before:
                dive.round_up(relaxed, fractions, threshold, other)
                other = 0
            if not dive.left.any():
                self._keep(dive.complete())
                return
            relaxed = dive.relax(relaxed.relaxation, enough)
            if relaxed.is_merged or self._problem.unit > 1:
                continue
            if dive.n_bins + relaxed.relaxation.prices.bound >= self.n_bins:
                return  # no fewer can be reached on this way

    def _keep(self, packing: Packing) -> None:
        if packing.n_bins < self.n_bins:
            self.n_bins, self.packing = packing.n_bins, packing
            self._on_progress(self.n_bins, self.bound)
