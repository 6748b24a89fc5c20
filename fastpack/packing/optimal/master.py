"""Master: the linear program over the patterns found so far, solved by HiGHS.

How often to use each pattern, so that every knot has at least its chunks, in the fewest
bins. The duals of its rows are the prices at the knots. What is right of every packing
cuts prices off beforehand: a smaller chunk may take the room of a larger one, so that
prices do not fall as sizes grow. In the program that is a column for each two
neighbouring knots, which turns one chunk of the larger into one of the smaller at no
price (dual cuts: Valerio de Carvalho, "Using extra dual cuts to accelerate column
generation", 2005).

It is solved by the interior point method, without crossover: prices from the middle of
all optimal ones bring better patterns than those of a vertex. At 2,500 knots that took
7 programs in place of 16, of half the time each (Gondzio, Gonzalez-Brevis and Munari,
"New developments in the primal-dual column generation technique", 2013). Only the last
program has to end at a vertex, where few patterns are used.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np

from fastpack.documents.sums import Int64Array
from fastpack.errors import MissingExtraError
from fastpack.packing.optimal.effort import Effort, OutOfTimeError
from fastpack.packing.optimal.knots import Floats, Knots
from fastpack.packing.optimal.patterns import Patterns


def check_extra() -> None:
    """Raise MissingExtraError if the solver of linear programs is not installed."""
    if find_spec("highspy") is None:
        msg = (
            "`strategy` 'optimal' needs the package highspy, which is not installed\n"
            "Hint: pip install 'fastpack-llm[optimal]'."
        )
        raise MissingExtraError(msg)


BEST_ACCURACY = 1e-8
"""The default of HiGHS."""

_KKT_TOLERANCE = 1e-7
"""Another default: what HiGHS accepts as the optimum at last."""

_SETTINGS = {"output_flag": False, "parallel": "off", "presolve": "off"}


class SolverError(Exception):
    """HiGHS found no solution, although there is one. It never leaves this folder."""


class Master:
    """The linear program over some patterns.

    Parameters
    ----------
    knots
        Its rows.
    counts
        The chunks of each item.
    effort
        Counts the programs that are solved, and has the time for them.
    """

    def __init__(self, knots: Knots, counts: Int64Array, effort: Effort) -> None:
        # Of an extra. The class `Highs` above it prints a line for each object.
        from highspy import _core  # noqa: PLC0415

        self._solver = _core
        self._highs = _core._Highs()  # noqa: SLF001
        self._knots = knots
        self._effort = effort
        for name, value in _SETTINGS.items():
            self._set(name, value)
        demand = knots.gather(counts)
        # Not counts of billions beside tolerances of 1e-7.
        self._scale = max(1.0, float(demand.mean()))
        n = knots.number
        nothing = np.empty(0, np.int32)
        self._highs.addRows(
            n,
            demand / self._scale,
            np.full(n, np.inf),
            0,
            nothing,
            nothing,
            np.empty(0),
        )
        rows = np.arange(n - 1)[:, np.newaxis] + np.arange(2)
        ones = np.tile(np.array([1.0, -1.0]), n - 1)
        self._add(0.0, 2 * np.arange(n - 1), rows.ravel(), ones)

    def add(self, patterns: Patterns) -> None:
        """Add columns."""
        self._add(1.0, *self._knots.columns(patterns))

    def solve(self, accuracy: float) -> tuple[float, Floats]:
        """Return the number of bins, and the price of each item.

        The number is above that of the optimum by such a part of it, or less.
        """
        self._set("ipm_optimality_tolerance", accuracy)
        self._set("optimality_tolerance", max(10 * accuracy, _KKT_TOLERANCE))
        self._run(crossover="off")
        bins = self._highs.getInfo().objective_function_value * self._scale
        duals = np.array(self._highs.getSolution().row_dual)
        return bins, self._knots.expand(np.maximum(duals, 0.0))

    def uses(self) -> Floats:
        """Return how often each pattern is used at an optimal vertex."""
        self._highs.clearSolver()
        self._set("ipm_optimality_tolerance", BEST_ACCURACY)
        self._set("optimality_tolerance", _KKT_TOLERANCE)
        self._run(crossover="on")
        values = np.array(self._highs.getSolution().col_value)
        return values[self._knots.number - 1 :] * self._scale

    def _set(self, name: str, value: Any) -> None:
        self._highs.setOptionValue(name, value)

    def _add(
        self, cost: float, starts: Int64Array, rows: Int64Array, values: Floats
    ) -> None:
        n = starts.size
        self._highs.addCols(
            n,
            np.full(n, cost),
            np.zeros(n),
            np.full(n, np.inf),
            rows.size,
            starts.astype(np.int32),
            rows.astype(np.int32),
            values,
        )

    def _run(self, *, crossover: str) -> None:
        """Solve the program; by the simplex method if interior points fail."""
        self._set("run_crossover", crossover)
        self._effort.iterations += 1
        for name in ("ipm", "simplex"):
            self._set("solver", name)
            left = self._effort.seconds_left()
            self._set("time_limit", self._highs.getRunTime() + left)
            self._highs.run()
            status = self._highs.getModelStatus()
            if status == self._solver.HighsModelStatus.kOptimal:
                return
            if status == self._solver.HighsModelStatus.kTimeLimit:
                raise OutOfTimeError
        raise SolverError
