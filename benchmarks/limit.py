"""How far packing is from the machine's limit: ``python -m benchmarks.limit``.

Each stage of a packing into bins and offsets (12 bytes a row) beside passes that do
nothing but what no packing can leave out: numpy.bincount, a bare pass that counts and
ranks each length, and copies of the output into touched and into fresh memory. All in
turns in one process, by one thread and by two, each with half of the documents. Bytes
are those that are read and written at least; the share is that of the rate at which the
same number of threads copies into touched memory.
"""

import argparse
import statistics
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import polars as pl

import fastpack
from benchmarks.bench_kernels import count
from benchmarks.distributions import DISTRIBUTIONS, make_lengths
from benchmarks.figures import in_turns, touch_output
from fastpack.cli.shared_arguments import positive
from fastpack.packing.assigner import ROW_BYTES, allocate
from fastpack.packing.plan import PackingPlan

COLUMNS = ["bin", "bin_offset"]


@numba.njit(nogil=True, cache=True)
def count_and_rank(lengths, counts, ranks):
    """Say of each document how many of its length come before it."""
    for i in range(np.uint64(lengths.size)):
        length = np.uint64(lengths[i])
        ranks[i] = counts[length]
        counts[length] += 1


class Halves:
    """The documents in one part or two, and what each thread needs for its own."""

    def __init__(self, lengths, options, threads):
        self.parts = np.array_split(lengths, threads)
        self.options = options
        self.executor = ThreadPoolExecutor(threads)
        self.histograms = [count(part) for part in self.parts]
        self.before = [fastpack.LengthHistogram([], [])]
        for histogram in self.histograms:
            self.before.append(self.before[-1] + histogram)
        self.plan = PackingPlan(self.before[-1], options)
        self.rows = [
            sum(
                each.n_chunks + each.n_unpacked
                for each in self.plan.blocks[0].cut(histogram)
            )
            for histogram in self.histograms
        ]
        self.columns = [self.fresh(part) for part in range(threads)]
        self.copies = [self.fresh(part) for part in range(threads)]
        self.ranks = [np.ones(part.size, np.int64) for part in self.parts]
        self.counts = [np.zeros(int(lengths.max()) + 1, np.int64) for _ in self.parts]

    def each(self, function):
        """Call a function for each part, in its thread."""
        return lambda: list(self.executor.map(function, range(len(self.parts))))

    def fresh(self, part):
        return allocate(COLUMNS, self.rows[part])

    def copy(self, part, target):
        for name in COLUMNS:
            np.copyto(target[name], self.columns[part][name])
        return target  # to be freed outside the clock

    def rank(self, part):
        self.counts[part][:] = 0
        count_and_rank(self.parts[part], self.counts[part], self.ranks[part])

    def assign(self, part, target):
        before = self.before[part]
        (plan,) = self.plan.blocks
        cursors = plan.assigner(plan.cut(before), before.n_documents).cursors
        cursors.fill(self.parts[part], target)
        return target

    def all_stages(self):
        histograms = list(self.executor.map(count, self.parts))
        total = histograms[0]
        for histogram in histograms[1:]:
            total += histogram
        self.plan = PackingPlan(total, self.options)
        return self.each(lambda part: self.assign(part, self.fresh(part)))()


def stages(lengths, options, threads):
    """Return what is measured: the function and the bytes that it moves."""
    halves = Halves(lengths, options, threads)
    rows = sum(halves.rows)
    read, written = lengths.nbytes, 12 * rows
    frame = pl.DataFrame({"n_tokens": lengths})
    functions = {
        "copy of the output, touched memory": (
            halves.each(lambda part: halves.copy(part, halves.copies[part])),
            2 * written,
        ),
        "copy of the output, fresh memory": (
            halves.each(lambda part: halves.copy(part, halves.fresh(part))),
            2 * written,
        ),
        "bare count and rank": (
            halves.each(halves.rank),
            read + 8 * lengths.size,
        ),
        "count": (halves.each(lambda part: count(halves.parts[part])), read),
        "plan": (lambda: PackingPlan(halves.before[-1], options), 0),
        "assign, touched memory": (
            halves.each(lambda part: halves.assign(part, halves.columns[part])),
            read + written,
        ),
        "assign, fresh memory": (
            halves.each(lambda part: halves.assign(part, halves.fresh(part))),
            read + written,
        ),
        "count + plan + assign, fresh memory": (
            halves.all_stages,
            2 * read + written,
        ),
    }
    if threads == 1:
        table = ROW_BYTES * rows
        functions |= {
            "numpy.bincount": (lambda: np.bincount(lengths), read),
            "fresh pages of the table": (lambda: touch_output(table), table),
            "fastpack.pack, frame to table": (
                lambda: fastpack.pack(frame, context_length=options.context_length),
                2 * read + table,
            ),
        }
    return functions


def report(lengths, options, threads, rounds):
    functions = stages(lengths, options, threads)
    times = in_turns({name: each for name, (each, _) in functions.items()}, rounds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    copy = next(iter(functions))
    rate = functions[copy][1] / medians[copy]
    print(f"{threads} thread{'s' * (threads > 1)}, L = {options.context_length}")
    print(f"{'':40}{'median':>12}{'ns/document':>13}{'MB':>9}{'GB/s':>8}{'share':>8}")
    for name, median in medians.items():
        n_bytes = functions[name][1]
        moved = ""
        if n_bytes:
            moved = f"{n_bytes / 1e6:9.0f}{n_bytes / median / 1e6:8.2f}"
            moved += f"{n_bytes / median / rate:8.0%}"
        per_document = 1e6 * median / lengths.size
        print(f"{name:40}{median:9.2f} ms{per_document:13.2f}{moved}")
    return medians


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=positive, default=10_000_000)
    parser.add_argument("--rounds", type=positive, default=15)
    parser.add_argument("--context-length", type=positive, default=2048)
    parser.add_argument("--workload", choices=DISTRIBUTIONS, default="web")
    arguments = parser.parse_args()
    length = arguments.context_length
    lengths = make_lengths(arguments.workload, arguments.documents, length)
    options = fastpack.PackingOptions(context_length=length)
    print(
        f"{lengths.size:,} documents, {arguments.workload}; {arguments.rounds} rounds"
    )
    one = report(lengths, options, 1, arguments.rounds)
    two = report(lengths, options, 2, arguments.rounds)
    print("ratios of the medians")
    for name, base in (
        ("count", "bare count and rank"),
        ("assign, touched memory", "bare count and rank"),
        ("count + plan + assign, fresh memory", "numpy.bincount"),
        ("fastpack.pack, frame to table", "fresh pages of the table"),
    ):
        print(f"{name} / {base}: {one[name] / one[base]:.2f}")
    together = one["count"] + one["assign, touched memory"]
    print(f"count + assign / bare: {together / one['bare count and rank']:.2f}")
    for name in ("count", "assign, touched memory", "assign, fresh memory"):
        print(f"{name}, one thread / two: {one[name] / two[name]:.2f}")


if __name__ == "__main__":
    main()
