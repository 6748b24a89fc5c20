"""Rounding: uses in fractions -> bins.

The whole parts of the uses are bins. For the chunks that are left, patterns are used
once more that are used for a large fraction, then the relaxation is solved again, and
so on: a dive. At each step, best-fit for what is left completes a packing.

Sizes that were merged into classes leave room in bins. It is filled as far as it can be
(see `fastpack.kernels.patterns`), which is not what the relaxation planned: so only the
most part of the uses are made bins before it is solved again.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.packing.best_fit import place_sizes
from fastpack.packing.optimal.classes import choose_classes
from fastpack.packing.optimal.effort import Effort
from fastpack.packing.optimal.knots import Floats
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem
from fastpack.packing.optimal.relaxation import Relaxation

_LATER = 0.1
"""The part of the uses that are not made bins yet if sizes were merged."""

_WHOLE = 1e-6
"""So little short of a whole use may be an error of the solver."""

_UNUSED = 0.02
"""The part of a bin that may stay empty, beyond that of its pattern, if the use of a
pattern is rounded up."""

_NEARLY = 0.95
"""Patterns that are worth less, in bins, are not taken along."""


class Bins(NamedTuple):
    """Bins filled by patterns of items.

    Parameters
    ----------
    patterns
        The patterns.
    uses
        The number of bins of each.
    """

    patterns: Patterns
    uses: Int64Array


class Packing(NamedTuple):
    """A packing of all chunks.

    Parameters
    ----------
    parts
        Bins filled by patterns.
    rest
        The runs of the other bins, filled by best-fit.
    n_bins
        The number of all bins.
    """

    parts: tuple[Bins, ...]
    rest: npt.NDArray[Any]
    n_bins: int


class Relaxed(NamedTuple):
    """A relaxation of classes of items, solved.

    Parameters
    ----------
    relaxation
        The relaxation; its items are the classes.
    largest
        The largest item of each class.
    is_merged
        Whether there are classes of several items.
    """

    relaxation: Relaxation
    largest: Int64Array
    is_merged: bool


class Dive:
    """A dive from relaxations to packings.

    Parameters
    ----------
    problem
        All chunks.
    n_classes
        The most classes that sizes are merged into.
    tolerance
        How far above its bound a relaxation may be, as a fraction of it.
    effort
        The effort that it may take.

    Attributes
    ----------
    left : numpy.ndarray
        The chunks of each item that are left.
    n_bins : int
        The bins so far.
    """

    def __init__(
        self, problem: Problem, n_classes: int, tolerance: float, effort: Effort
    ) -> None:
        self.left = problem.counts.copy()
        self.n_bins = 0
        self._problem = problem
        self._n_classes = n_classes
        self._tolerance = tolerance
        self._effort = effort
        self._parts: list[Bins] = []

    def relax(self, before: Relaxation, enough: float) -> Relaxed:
        """Solve the relaxation of the chunks that are left.

        Parameters
        ----------
        before
            A relaxation with near prices and patterns: the one before it, or that of
            all items.
        enough
            The number of all bins that is few enough.
        """
        items = np.flatnonzero(self.left)
        rest = self._problem.take(items, self.left[items])
        near = before.prices
        prices = before.prices_of(rest.sizes / rest.capacity)
        largest = choose_classes(rest, prices, self._n_classes)
        merged = rest.merged(largest)
        worth = before.patterns.worth(near.values)
        patterns = before.patterns.take(np.flatnonzero(worth > _NEARLY * near.most))
        # In the same parts of a unit, if the units differ.
        into = np.searchsorted(
            merged.sizes * before.problem.capacity,
            before.problem.sizes * merged.capacity,
            side="right",
        )
        relaxation = Relaxation(merged, self._effort, patterns.renumbered(into - 1))
        relaxation.solve(
            largest.size,
            self._tolerance,
            enough=enough - self.n_bins,
            start=prices[largest],
        )
        return Relaxed(relaxation, items[largest], largest.size < items.size)

    def fill(self, relaxed: Relaxed) -> Floats:
        """Fill bins by the whole uses; return the fractions."""
        uses = relaxed.relaxation.uses()
        whole = np.floor(uses + _WHOLE)
        fractions = uses - whole
        if relaxed.is_merged:
            whole -= np.floor(whole * _LATER)
        patterns = relaxed.relaxation.patterns
        self._fill(relaxed, patterns, whole.astype(np.int64), self._problem.capacity)
        return fractions

    def round_up(
        self, relaxed: Relaxed, fractions: Floats, threshold: float, n_skipped: int
    ) -> None:
        """Use patterns once more, those most used first, down to the threshold.

        Some of the first are skipped, but not the last one.
        """
        order = np.argsort(-fractions, kind="stable")
        order = order[min(n_skipped, order.size - 1) :]
        patterns = relaxed.relaxation.patterns
        chosen = patterns.take(order[fractions[order] >= threshold])
        once = np.ones(chosen.number, np.int64)
        unused = int(_UNUSED * self._problem.capacity)
        if not self._fill(relaxed, chosen, once, unused):
            first = patterns.take(order[:1])  # it has to go on
            self._fill(relaxed, first, np.ones(1, np.int64), self._problem.capacity)

    def complete(self) -> Packing:
        """Place the chunks that are left by best-fit."""
        problem = self._problem
        items = np.flatnonzero(self.left)[::-1]
        sizes, unit = problem.sizes[items], problem.fine_unit
        rest = place_sizes(
            sizes,
            problem.rounded_up(sizes, unit),
            self.left[items],
            problem.capacity // unit,
            problem.max_chunks,
        )
        return Packing(tuple(self._parts), rest.runs, self.n_bins + rest.n_bins)

    def _fill(
        self, relaxed: Relaxed, patterns: Patterns, uses: Int64Array, most_unused: int
    ) -> int:
        """Fill bins by patterns, with chunks that are left; return how many."""
        bins = fill_bins(
            patterns,
            uses,
            relaxed.largest,
            self._problem.sizes,
            most_unused=most_unused,
            left=self.left,
        )
        number = int(bins.uses.sum())
        self._parts.append(bins)
        self.n_bins += number
        return number


def fill_bins(
    patterns: Patterns,
    uses: Int64Array,
    largest: Int64Array,
    sizes: Int64Array,
    *,
    most_unused: int,
    left: Int64Array,
) -> Bins:
    """Fill bins by patterns of classes: see `fastpack.kernels.patterns.fill_bins`.

    There may be too few chunks for all uses; `left` is counted down.
    """
    uses = uses.copy()
    parts: list[Bins] = []
    n_entries = 2 * patterns.items.size + sizes.size
    while uses.any():
        n_entries *= 2
        n_kinds = patterns.number + sizes.size
        filled = kernels.patterns.Filled(
            starts=np.zeros(n_kinds + 1, np.int64),
            items=np.empty(n_entries, np.int32),
            times=np.empty(n_entries, np.int32),
            uses=np.empty(n_kinds, np.int64),
        )
        n = kernels.patterns.fill_bins(
            *patterns, uses, largest, sizes, most_unused, left, filled
        )
        starts = filled.starts[: n + 1]
        end = starts[-1]
        kinds = Patterns(starts, filled.items[:end], filled.times[:end])
        parts.append(Bins(kinds, filled.uses[:n]))
    return Bins(
        Patterns.join([part.patterns for part in parts]),
        np.concatenate([np.empty(0, np.int64), *(part.uses for part in parts)]),
    )
