"""Lower bounds on the number of bins, from the histogram of chunks alone.

Each is proven for any packing, so the least number of bins lies between the largest
bound and the number that best-fit decreasing found.
"""

from collections.abc import Sequence

import numpy as np

from fastpack.documents.sums import Int64Array, exact_sum
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks

_DUAL_FUNCTIONS = 100

_MOST_TOKENS = 2**55
"""Beyond, sums of a hundred times as much would not fit int64."""

_AT_A_TIME = 1 << 13
"""Lengths of groups whose bounds are computed together: their arrays stay in the cache,
and 100,000 small groups do not take a hundred calls of NumPy each."""


def lower_bounds(groups: Sequence[Chunks], options: PackingOptions) -> list[int]:
    """Return the largest of the bounds on the number of bins of each group.

    - ``ceil(footprints / L)``;
    - with `max_documents`, for each a up to L / 2: chunks above L - a cannot share a
      bin with one of a or more, so of these chunks, they are alone, and the others at
      most `max_documents` in a bin;
    - L2 of Martello and Toth ("Lower bounds and reduced procedures for the bin packing
      problem", 1990): chunks above L / 2 need bins of their own;
    - the dual feasible functions u(k), k = 1 ... 100, of Fekete and Schepers ("New
      classes of fast lower bounds for bin packing problems", 2001): u(2) proves two
      chunks a bin if all are longer than L / 3, say.
    """
    bounds: list[int] = []
    at_once: list[int] = []
    n_lengths = n_tokens = 0
    for number, chunks in enumerate(groups):
        tokens = exact_sum(options.footprints(chunks.lengths), chunks.counts)
        bounds.append(-(-tokens // options.context_length))
        if chunks.n_chunks == 0:
            continue
        if tokens >= _MOST_TOKENS:
            fewest = -(-chunks.n_chunks // options.max_chunks_per_bin)
            bounds[-1] = max(bounds[-1], fewest)
            continue
        n_lengths += chunks.lengths.size
        n_tokens += tokens
        if at_once and (n_lengths > _AT_A_TIME or n_tokens >= _MOST_TOKENS):
            _raise_bounds(bounds, groups, at_once, options)
            at_once, n_lengths, n_tokens = [], chunks.lengths.size, tokens
        at_once.append(number)
    if at_once:
        _raise_bounds(bounds, groups, at_once, options)
    return bounds


def _raise_bounds(
    bounds: list[int],
    groups: Sequence[Chunks],
    numbers: Sequence[int],
    options: PackingOptions,
) -> None:
    """Raise the bounds of some groups, none empty, to those that take arrays."""
    lengths = np.concatenate([groups[number].lengths for number in numbers])
    sizes = options.footprints(lengths)
    counts = np.concatenate([groups[number].counts for number in numbers])
    n_lengths = [groups[number].lengths.size for number in numbers]
    starts = np.cumsum([0, *n_lengths])
    capacity = options.context_length
    best = np.maximum(
        _martello_toth(sizes, counts, starts, options),
        _fekete_schepers(sizes, counts, starts[:-1], capacity),
    )
    for number, bound in zip(numbers, best.tolist(), strict=True):
        bounds[number] = max(bounds[number], bound)


def _martello_toth(
    sizes: Int64Array, counts: Int64Array, starts: Int64Array, options: PackingOptions
) -> Int64Array:
    """Return L2 of each group; `sizes` are descending from each of the `starts` on.

    For each a up to L / 2: a chunk above L - a cannot share a bin with a chunk of a or
    more; two above L / 2 cannot share one. The footprints of a ... L / 2, less the
    space beside the latter, need more bins. So do the chunks that are not above L - a,
    if only so many are allowed in a bin.
    """
    capacity = options.context_length
    n_groups = starts.size - 1
    group = np.repeat(np.arange(n_groups), np.diff(starts))
    number = np.concatenate([[0], np.cumsum(counts)])
    tokens = np.concatenate([[0], np.cumsum(sizes * counts)])
    # Ascending over all groups: a size is found in its own by one search.
    span = capacity + 1
    keys = group * span - sizes
    above_half = np.searchsorted(keys, np.arange(n_groups) * span - capacity // 2)
    n_large = number[above_half] - number[starts[:-1]]
    is_threshold = 2 * sizes <= capacity
    a, of = sizes[is_threshold], group[is_threshold]
    above_rest = np.searchsorted(keys, of * span - (capacity - a))
    at_least = np.searchsorted(keys, of * span - a, side="right")
    large = number[above_half[of]] - number[above_rest]
    left = large * capacity - (tokens[above_half[of]] - tokens[above_rest])
    small = tokens[at_least] - tokens[above_half[of]]
    bound = np.zeros(n_groups, np.int64)
    np.maximum.at(bound, of, -(-(small - left) // capacity))
    bound += n_large
    if options.max_documents is not None:
        # With a = 0, none is alone: all chunks over `max_documents`.
        alone = number[above_rest] - number[starts[of]]
        others = number[at_least] - number[above_rest]
        np.maximum.at(bound, of, alone - -others // options.max_documents)
        n_chunks = number[starts[1:]] - number[starts[:-1]]
        np.maximum(bound, -(-n_chunks // options.max_documents), out=bound)
    return bound


def _fekete_schepers(
    sizes: Int64Array, counts: Int64Array, starts: Int64Array, capacity: int
) -> Int64Array:
    """Return the largest bound that a u(k) gives, of each group.

    u(k) keeps x where (k + 1) x is an integer, and makes floor((k + 1) x) / k of the
    others: chunks that fit a bin together still do. Sums are exact, in parts of
    k * capacity.
    """
    best = np.zeros(starts.size, np.int64)
    # (k + 1) * sizes, as a multiple of the capacity and the rest; k = 0 here.
    whole, rest = np.divmod(sizes, capacity)
    for k in range(1, _DUAL_FUNCTIONS + 1):
        rest += sizes
        carry = rest >= capacity
        whole += carry
        rest -= carry * capacity
        made = np.where(rest == 0, k * sizes, capacity * whole)
        made *= counts
        totals = np.add.reduceat(made, starts)
        np.maximum(best, -(-totals // (k * capacity)), out=best)
    return best
