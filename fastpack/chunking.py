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
    lengths, counts = histogram.lengths, histogram.counts
    short = (lengths > 0) & (lengths <= capacity)
    long = lengths > capacity
    parts = [(lengths[short], counts[short])]
    n_full = 0
    if options.long_documents == "truncate":
        n_full = exact_sum(counts[long])
    elif options.long_documents == "split":
        n_full = exact_sum(lengths[long] // capacity, counts[long])
        remainders = lengths[long] % capacity
        cut = remainders > 0
        parts.append((remainders[cut], counts[long][cut]))
    if n_full:
        parts.append((np.array([capacity]), np.array([n_full])))
    merged = merge_counts(
        np.concatenate([lengths for lengths, _ in parts]),
        np.concatenate([counts for _, counts in parts]),
    )
    return Chunks(*(np.ascontiguousarray(column[::-1]) for column in merged))
