"""Seeded document lengths. Never change a distribution: only append."""

import functools
import os

import numpy as np
import polars as pl

from fastpack.tokens.lists import as_lists

DOCUMENTS = [
    int(number)
    for number in os.environ.get(
        "FASTPACK_BENCHMARK_DOCUMENTS", "10000,100000,1000000,10000000"
    ).split(",")
]
CONTEXT_LENGTHS = [
    int(number)
    for number in os.environ.get(
        "FASTPACK_BENCHMARK_CONTEXT_LENGTHS", "2048,3000,8192,32768,131072"
    ).split(",")
]
RULES = {
    "no rule": {},
    "max_documents": {"max_documents": 8},
    "extra_tokens": {"extra_tokens": 2},
    "align": {"align": 64},
    "min_chunk": {"min_chunk": 64},
    "bins_multiple": {"bins_multiple": 16},
    "shuffle_seed": {"shuffle_seed": 1},
    "block_documents": {"block_documents": 100_000},
    "by (integers)": {"by": "source_id"},
    "by (strings)": {"by": "source"},
}
DISTRIBUTIONS = os.environ.get(
    "FASTPACK_BENCHMARK_DISTRIBUTIONS", "web,code,chat,uniform,equal,long,hard"
).split(",")
WORKLOADS = ["web", "code", "chat", "uniform", "hard"]
"""What peers are compared on."""


def _log_normal(rng, n, mean, sigma):
    return rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, n)


def make_frame(n_documents):
    """Return web lengths, each in one of ten groups."""
    ids = np.random.default_rng(7).integers(0, 10, n_documents)
    names = np.array([f"source-{number}" for number in range(10)])
    return pl.DataFrame(
        {
            "n_tokens": make_lengths("web", n_documents),
            "source_id": ids,
            "source": names[ids],
        }
    )


@functools.cache
def make_lengths(distribution, n_documents, context_length=2048):
    """Return document lengths in tokens: int32, read-only, at least 1."""
    rng = np.random.default_rng(2404_10830)
    lengths = {
        "web": lambda: _log_normal(rng, n_documents, 600, 1.25),
        "code": lambda: _log_normal(rng, n_documents, 1200, 1.9),
        "chat": lambda: rng.gamma(5, 20, n_documents),
        "uniform": lambda: rng.integers(1, context_length + 1, n_documents),
        "equal": lambda: np.full(n_documents, context_length // 3),
        "long": lambda: rng.integers(
            context_length + 1, 4 * context_length, n_documents
        ),
        # Two fit into a sequence and leave a gap of nearly a third, for ones.
        "hard": lambda: np.where(
            rng.random(n_documents) < 0.5,
            1,
            context_length // 3 + 1 + rng.integers(0, 8, n_documents),
        ),
    }[distribution]()
    array = np.clip(lengths, 1, 2**31 - 1).astype(np.int32)
    array.flags.writeable = False
    return array


def make_documents(n_documents, mean, dtype=np.int32):
    """Return the tokens of all documents, and the same as lists, `input_ids`.

    The lengths are log-normal, like those of "web", with this mean.
    """
    rng = np.random.default_rng(2404_10830)
    lengths = np.maximum(_log_normal(rng, n_documents, mean, 1.25), 1).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = rng.integers(0, 50_000, offsets[-1], dtype=dtype)
    return values, as_lists(pl.Series(values), offsets).alias("input_ids")
