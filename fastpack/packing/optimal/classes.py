"""Classes: fewer sizes, each of which takes the room of the largest of its class.

A linear program with a row for each of ten thousand sizes takes minutes. If chunks of a
few neighbouring sizes count as the largest of these, room is lost, but little if the
classes are narrow where there are many chunks, and end where the price jumps.
"""

import numpy as np

from fastpack.documents.sums import Int64Array
from fastpack.packing.optimal.knots import Floats
from fastpack.packing.optimal.problem import Problem


def choose_classes(problem: Problem, prices: Floats, number: int) -> Int64Array:
    """Return the last item of each of about so many classes, ascending.

    The least loss with so many classes has their widths inverse to the root of the
    density of chunks. The width is measured by the price, and by the size: the price
    may well be the same for all of some sizes, as long as few chunks use that.

    Parameters
    ----------
    problem
        The sizes.
    prices
        The price of each item, in bins.
    number
        The number of classes. If there are no more sizes, each is a class of its own,
        except if several are the same in units.
    """
    ends = _spread_classes(problem, prices, number)
    # Sizes that are the same in units are the same for the relaxation, and the pattern
    # of one is used for all: as that of the smaller one, it had no room for the others.
    in_units = problem.rounded_up(problem.sizes[ends], problem.unit)
    return ends[np.diff(in_units, append=in_units[-1] + 1) > 0]


def _spread_classes(problem: Problem, prices: Floats, number: int) -> Int64Array:
    n_items = problem.sizes.size
    if n_items <= number:
        return np.arange(n_items)
    values = prices + problem.sizes / problem.capacity
    steps = np.maximum(np.diff(values, prepend=0.0), 0.0)
    place = np.cumsum(np.sqrt(problem.counts * steps))
    place *= number / place[-1]
    of_place = np.minimum(place, number - 1).astype(np.int64)
    return np.flatnonzero(np.diff(of_place, append=number))
