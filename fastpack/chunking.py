"""Documents -> chunks: what a histogram of documents is cut into."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.histogram import LengthHistogram, exact_sum, merge_counts
from fastpack.options import PackingOptions


class Chunks(NamedTuple):
    """How many chunks there are of each length, longest first."""

    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def cut_documents(histogram: LengthHistogram, options: PackingOptions) -> Chunks:
    """Cut documents into chunks of at most L tokens, all of one length at a time."""
    capacity = options.context_length
    short, long = np.searchsorted(histogram.lengths, [1, capacity + 1])
    parts = [(histogram.lengths[short:long], histogram.counts[short:long])]
    lengths, counts = histogram.lengths[long:], histogram.counts[long:]
    n_full = 0
    if options.long_documents == "truncate":
        n_full = exact_sum(counts)
    elif options.long_documents == "split":
        full, remainders = np.divmod(lengths, capacity)
        n_full = exact_sum(full, counts)
        cut = remainders > 0
        parts.append((remainders[cut], counts[cut]))
    if n_full:
        parts.append((np.array([capacity]), np.array([n_full])))
    merged = merge_counts(
        np.concatenate([lengths for lengths, _ in parts]),
        np.concatenate([counts for _, counts in parts]),
    )
    return Chunks(*(np.ascontiguousarray(column[::-1]) for column in merged))
