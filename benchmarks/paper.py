"""Redo Tables 1 and 2 of Ding et al. (2024): ``python -m benchmarks.paper``.

Table 1: seconds to pack 1 M to 1 G documents at L = 2048, one thread. Table 2: training
sequences that best-fit packing makes more than concatenation, in percent. The published
figures stand beside those of this run. ``--documents`` chooses the sizes.

What differs. The paper's corpora are not here: lengths are log-normal, for RefinedWeb
with the mean that Table 2 tells (2.6e8 sequences of 2048 tokens, "roughly 1 billion
documents": 532 tokens), for the Stack, of which it tells no number of documents, with
a mean of 1200. Two corpora of one mean may differ in how much of them is short, and
that decides how well the last gaps are filled. The published seconds are of Python
on one thread of another machine, one chunk at a time, and it is not said whether
sorting is in them. Here they are counting, planning, and assigning a bin and an offset
to each chunk, into arrays that are used again for each shard of 10 M documents; making
the lengths is not timed.
"""

import argparse
import time

import numpy as np

import fastpack
from benchmarks.bench_kernels import assign, count
from fastpack.cli.shared_arguments import positive
from fastpack.packing.plan import PackingPlan

SHARD_DOCUMENTS = 10_000_000

SECONDS = {
    10**6: (17, 10),
    10**7: (205, 106),
    10**8: (2311, 1066),
    10**9: (26354, 10816),
}
"""Table 1: documents, seconds of first-fit and of best-fit decreasing."""

CORPORA = {
    "RefinedWeb": ((532, 1.25), {2048: 0.0024, 8192: 0.00063}),
    "Stack": ((1200, 1.9), {2048: 0.0028}),
}
"""Table 2: mean and spread of the lengths here; % more sequences, by context length."""


def shards(corpus, n_documents):
    """Yield the lengths of the documents, in shards, the same each time."""
    (mean, sigma), _ = CORPORA[corpus]
    for number, start in enumerate(range(0, n_documents, SHARD_DOCUMENTS)):
        rng = np.random.default_rng([2404_10830, number])
        rows = min(SHARD_DOCUMENTS, n_documents - start)
        lengths = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, rows)
        yield np.clip(lengths, 1, 2**31 - 1).astype(np.int32)


class Stopwatch:
    """Adds up the seconds inside its blocks."""

    seconds = 0.0

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.seconds += time.perf_counter() - self.start


def table_1(sizes):
    print("Table 1: seconds to pack, L = 2048, one thread")
    print(
        f"{'documents':>14}{'count':>9}{'plan':>9}{'assign':>9}{'fastpack':>10}", end=""
    )
    print(f"{'FFD, paper':>12}{'BFD, paper':>12}{'paper / here':>14}")
    options = fastpack.PackingOptions(context_length=2048)
    largest = next(shards("RefinedWeb", max(sizes)))
    plan = PackingPlan(count(largest), options)
    n_rows = plan.n_rows + plan.n_rows // 100 + 1000  # shards differ in how many
    columns = {"bin": np.ones(n_rows, np.int64), "bin_offset": np.ones(n_rows, "i4")}
    assign(plan, largest, columns)  # compile
    for n_documents in sizes:
        counting, planning, assigning = Stopwatch(), Stopwatch(), Stopwatch()
        histogram = fastpack.LengthHistogram([], [])
        for lengths in shards("RefinedWeb", n_documents):
            with counting:
                histogram += count(lengths)
        with planning:
            (plan,) = PackingPlan(histogram, options).blocks
        before = fastpack.LengthHistogram([], [])
        for lengths in shards("RefinedWeb", n_documents):
            with assigning:
                cursors = plan.assigner(plan.cut(before), before.n_documents).cursors
                documents, rows = cursors.fill(lengths, columns)
            assert documents == lengths.size <= rows
            before += count(lengths)
        stages = [each.seconds for each in (counting, planning, assigning)]
        seconds = sum(stages)
        cells = "".join(f"{each:9.3f}" for each in stages) + f"{seconds:10.3f}"
        first_fit, best_fit = SECONDS.get(n_documents, (None, None))
        if best_fit:
            cells += f"{first_fit:12,}{best_fit:12,}{best_fit / seconds:14,.0f}"
        print(f"{n_documents:14,}{cells}", flush=True)


def table_2(n_documents):
    print(f"Table 2: sequences over concatenation, {n_documents:,} documents here")
    print(
        f"{'corpus':12}{'L':>6}{'concatenation':>15}"
        f"{'more':>8}{'%':>10}{'%, paper':>10}"
    )
    for corpus, (_, published) in CORPORA.items():
        histogram = fastpack.LengthHistogram([], [])
        for lengths in shards(corpus, n_documents):
            histogram += count(lengths)
        for context_length, paper in published.items():
            plan = fastpack.plan(histogram, context_length=context_length)
            joined = -(-plan.n_tokens // context_length)
            more = plan.n_bins - joined
            print(
                f"{corpus:12}{context_length:6,}{joined:15,}{more:8,}"
                f"{100 * more / joined:10.5f}{paper:10.5f}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--documents",
        type=positive,
        nargs="+",
        default=[10**6, 10**7, 10**8],
        metavar="N",
    )
    arguments = parser.parse_args()
    table_1(arguments.documents)
    table_2(max(arguments.documents))


if __name__ == "__main__":
    main()
