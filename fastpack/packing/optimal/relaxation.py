"""Relaxation: the fewest bins if patterns may be used in fractions, and prices.

Column generation (Gilmore and Gomory, 1961, 1963): the linear program over the patterns
found so far gives prices, a knapsack finds the patterns that are worth more than a bin
by these, and they are added; if there are none, the program has all it needs.

Prices that are too high for some pattern still prove a bound, as they are divided by
the worth of the most valuable one. The program over a part of the patterns is above the
relaxation, such a bound is below it: as they meet, it is solved.
"""

import numpy as np

from fastpack.packing.optimal.effort import Effort
from fastpack.packing.optimal.knapsack import PRICE_UNIT, Knapsack, Prices
from fastpack.packing.optimal.knots import Floats, Knots
from fastpack.packing.optimal.master import BEST_ACCURACY, Master
from fastpack.packing.optimal.patterns import Patterns
from fastpack.packing.optimal.problem import Problem

_PARTS = 4
"""The rows to a pattern that is looked for at a time: a quarter as many patterns."""

_MIN_PARTS = 128
"""The least number of patterns that is looked for at a time."""

_TOLERANCE = 1e-6
"""Of the worth of a pattern, beside the 1e-7 of the linear program."""

_WORST_ACCURACY = 1e-3
"""A program need not be solved more accurately than a tenth of what it may be above the
relaxation, for want of patterns."""

_NEARLY = 0.98
"""Patterns that are worth less, in bins, are left out when the knots change."""


class Relaxation:
    """The relaxation of a problem, solved for more and more knots.

    Parameters
    ----------
    problem
        The sizes.
    effort
        The effort that it may take.
    patterns
        Patterns to start with.

    Attributes
    ----------
    problem, patterns
        As given; then all patterns that were found.
    prices : Prices
        The prices with the best bound so far.
    """

    def __init__(
        self, problem: Problem, effort: Effort, patterns: Patterns | None = None
    ) -> None:
        self.problem = problem
        self.patterns = Patterns.join([]) if patterns is None else patterns
        self.prices = Prices(np.zeros(problem.sizes.size, np.int64), 0, 0)
        self._effort = effort
        self._knapsack = Knapsack(problem)

    def solve(
        self,
        n_knots: int,
        tolerance: float,
        *,
        enough: float = 0.0,
        start: Floats | None = None,
    ) -> None:
        """Solve it, for prices that are linear between knots.

        Parameters
        ----------
        n_knots
            The number of knots; as many as there are sizes, or more, is one each.
        tolerance
            How far above the bound the linear program may be, as a fraction of it.
        enough
            The number of bins that is few enough.
        start
            Prices of the items, to find the first patterns by.
        """
        problem = self.problem
        knots = Knots.spread(problem, n_knots)
        self._master = Master(knots, problem.counts, self._effort)
        if self.prices.most:
            worth = self.patterns.worth(self.prices.values)
            near = np.flatnonzero(worth > _NEARLY * self.prices.most)
            self.patterns = self.patterns.take(near)
        most = np.minimum(problem.capacity // problem.sizes, problem.max_chunks)
        first = [Patterns.of_items(knots.items, most[knots.items]), self.patterns]
        if start is not None:
            first.append(self._find(start, problem.sizes.size))
        self.patterns = Patterns.join([])
        self._add(Patterns.join(first))
        number = max(knots.number // _PARTS, _MIN_PARTS)
        accuracy = _WORST_ACCURACY
        while True:
            bins, values = self._master.solve(accuracy)
            if bins <= max(enough, self.prices.bins * (1 + tolerance)):
                return
            found = self._find(values, number)
            new = found.take(np.flatnonzero(found.worth(values) > 1 + _TOLERANCE))
            if new.number:
                self._add(new)
                above = bins / self.prices.bins - 1 if self.prices.most else 1.0
                accuracy = min(max(above / 10, BEST_ACCURACY), _WORST_ACCURACY)
            elif accuracy > BEST_ACCURACY:
                accuracy = BEST_ACCURACY
            else:
                return

    def prices_of(self, sizes: Floats) -> Floats:
        """Return prices of any sizes, in bins; the sizes are parts of the capacity."""
        if self.prices.most == 0:
            return np.zeros(sizes.size)
        known = self.problem.sizes / self.problem.capacity
        return np.interp(sizes, known, self.prices.values / self.prices.most)

    def uses(self) -> Floats:
        """Return how often each pattern is used, as soon as it is solved.

        At a vertex, so that few are used at all: no more than there are knots.
        """
        return self._master.uses()

    def _find(self, values: Floats, number: int) -> Patterns:
        """Find the most valuable patterns, and keep the prices if they prove more."""
        prices = self._knapsack.fill(np.floor(values * PRICE_UNIT).astype(np.int64))
        if prices.bins > self.prices.bins:
            self.prices = prices
        return self._knapsack.patterns(prices.values, number)

    def _add(self, patterns: Patterns) -> None:
        self.patterns = Patterns.join([self.patterns, patterns])
        self._master.add(patterns)
