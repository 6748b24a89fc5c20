"""Lower bounds on the number of bins, from the histogram of chunks alone.

Each is proven for any packing, so the least number of bins lies between the largest
bound and the number that best-fit decreasing found.
"""

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import exact_sum
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks

_DUAL_FUNCTIONS = 100

_MOST_TOKENS = 2**55
"""Beyond, sums of a hundred times as much would not fit int64."""


def lower_bound(chunks: Chunks, options: PackingOptions) -> int:
    """Return the largest of the bounds on the number of bins.

    - ``ceil(footprints / L)``;
    - ``ceil(chunks / max_documents)``;
    - L2 of Martello and Toth ("Lower bounds and reduced procedures for the bin packing
      problem", 1990): chunks above L / 2 need bins of their own;
    - the dual feasible functions u(k), k = 1 ... 100, of Fekete and Schepers ("New
      classes of fast lower bounds for bin packing problems", 2001): u(2) proves two
      chunks a bin if all are longer than L / 3, say.
    """
    capacity = options.context_length
    n_chunks = chunks.n_chunks
    if n_chunks == 0:
        return 0
    footprints = options.footprints(chunks.lengths)
    tokens = exact_sum(footprints, chunks.counts)
    bounds = [-(-tokens // capacity)]
    if options.max_documents is not None:
        bounds.append(-(-n_chunks // options.max_documents))
    if tokens < _MOST_TOKENS:
        bounds.append(_martello_toth(footprints, chunks.counts, capacity))
        bounds.append(_fekete_schepers(footprints, chunks.counts, capacity))
    return max(bounds)


def _martello_toth(
    sizes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], capacity: int
) -> int:
    """Return L2; `sizes` are descending.

    For each a up to L / 2: a chunk above L - a cannot share a bin with a chunk of a or
    more; two above L / 2 cannot share one. The footprints of a ... L / 2, less the
    space beside the latter, need more bins.
    """
    number = np.concatenate([[0], np.cumsum(counts)])
    tokens = np.concatenate([[0], np.cumsum(sizes * counts)])
    thresholds = sizes[2 * sizes <= capacity]
    if thresholds.size == 0:
        return int(number[-1])
    # How many of the sizes, from the largest on, are above or at least a value.
    above_half = np.searchsorted(-sizes, -(capacity // 2), side="left")
    above_rest = np.searchsorted(-sizes, -(capacity - thresholds), side="left")
    at_least = np.searchsorted(-sizes, -thresholds, side="right")
    large = number[above_half] - number[above_rest]
    left = large * capacity - (tokens[above_half] - tokens[above_rest])
    small = tokens[at_least] - tokens[above_half]
    more = np.maximum(0, -(-(small - left) // capacity))
    return int(np.max(number[above_half] + more))


def _fekete_schepers(
    sizes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], capacity: int
) -> int:
    """Return the largest bound that a u(k) gives.

    u(k) keeps x where (k + 1) x is an integer, and makes floor((k + 1) x) / k of the
    others: chunks that fit a bin together still do. Sums are exact, in parts of
    k * capacity.
    """
    best = 0
    for k in range(1, _DUAL_FUNCTIONS + 1):
        whole, rest = np.divmod((k + 1) * sizes, capacity)
        kept = np.where(rest == 0, sizes, 0)
        made = np.where(rest == 0, 0, whole)
        total = k * exact_sum(kept, counts) + capacity * exact_sum(made, counts)
        best = max(best, -(-total // (k * capacity)))
    return best
