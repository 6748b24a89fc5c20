"""How near to the fewest sequences, and how soon: ``python -m benchmarks.optimal``.

A row a kind of lengths and a context length, of 1 M and of 1 G documents: the bins of
``strategy="optimal"`` and of best-fit, the proven bound, how far best-fit is above it,
the gap, the seconds, and those of the processor, the linear programs that were solved,
and what ended the search. Then the classical instances of bin packing, generated as
they were published: how many bins above the relaxation, rounded up.

Histograms are drawn, not documents: from the density at each length. All is compiled
before it is timed. Each search is given the gap of its row. ``--rows`` chooses rows by
a part of their names.
"""

import argparse
import collections
import time

import numpy as np

import fastpack
from fastpack.cli.shared_arguments import positive

LONGEST = 1 << 20
"""Documents of log-normal lengths are no longer."""


def normal(mean, spread):
    def density(lengths, context_length):
        deviation = (lengths / context_length - mean) / spread
        return np.exp(-(deviation**2) / 2)

    return density


def uniform(least, most):
    def density(lengths, context_length):
        parts = lengths / context_length
        return 1.0 * ((parts >= least) & (parts <= most))

    return density


def gamma(shape, scale):
    def density(lengths, _):
        return np.exp((shape - 1) * np.log(lengths / scale) - lengths / scale)

    return density


def log_normal(mean, sigma):
    def density(lengths, _):
        deviation = np.log(lengths / mean) / sigma + sigma / 2
        return np.exp(-(deviation**2) / 2) / lengths

    return density


def wikipedia(lengths, context_length):
    """Like Wikipedia at 512 tokens: a few points of the histogram of Krell et al.

    "Efficient Sequence Packing without Cross-contamination", 2021: 16 M sequences, of
    which a quarter are full; the count of a length, in thousands, between the points.
    """
    points = [5, 14, 22, 35, 49, 70, 100, 150, 200, 300, 400, 511]
    thousands = [1.2, 9, 27, 65, 75, 65, 46, 30, 23, 15, 12, 9.2]
    counts = np.exp(np.interp(np.log(lengths), np.log(points), np.log(thousands)))
    counts[lengths < points[0]] = 0
    return np.where(lengths < context_length, counts, 3815)


KINDS = {
    "normal(.3 L, .05 L)": normal(0.3, 0.05),
    "normal(.45 L, .1 L)": normal(0.45, 0.1),
    "uniform[1, L]": uniform(0, 1),
    "uniform[L/4, 3 L/4]": uniform(0.25, 0.75),
    "chat (gamma)": gamma(5, 20),
    "web (log-normal)": log_normal(600, 1.25),
    "SFT (log-normal)": log_normal(350, 0.9),
}
SIZES = [10**6, 10**9]
CONTEXT_LENGTHS = [2048, 8192, 32768]


def gap_of(kind, context_length):
    """Return the gap that is to be proven."""
    if context_length > 8192:
        return 0.001
    return 0.0008 if kind.startswith("uniform[L/4") else 0.0005


def draw(density, context_length, n_documents, seed=0):
    """Draw a histogram."""
    is_long = density.__qualname__.startswith("log_normal")
    lengths = np.arange(1, (LONGEST if is_long else context_length) + 1)
    weights = density(lengths, context_length)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_documents, weights / weights.sum())
    return fastpack.LengthHistogram(lengths[counts > 0], counts[counts > 0])


def hundred_sizes(seed, context_length=2048):
    """Return 100 sizes between 0.15 L and 0.6 L, with log-normal counts."""
    rng = np.random.default_rng(seed)
    between = np.arange(int(0.15 * context_length), int(0.6 * context_length))
    sizes = np.sort(rng.choice(between, 100, replace=False))
    counts = rng.lognormal(8, 1.5, 100).astype(np.int64) + 1
    return fastpack.LengthHistogram(sizes, counts)


def rows():
    """Yield the name of each row, a function that draws it, and the options."""
    for context_length in CONTEXT_LENGTHS:
        for kind, density in KINDS.items():
            for size in SIZES:

                def histogram(density=density, length=context_length, size=size):
                    return draw(density, length, size)

                name = f"{kind}, {'1 M' if size == SIZES[0] else '1 G'}"
                yield (
                    name,
                    histogram,
                    {
                        "context_length": context_length,
                        "optimality_gap": gap_of(kind, context_length),
                    },
                )
    for seed in range(8):
        options = {"context_length": 2048, "optimality_gap": 0.001}
        yield f"100 sizes, seed {seed}", lambda seed=seed: hundred_sizes(seed), options
    for most in (2, 3, 4, 8):
        for size in SIZES:
            options = {"context_length": 512, "max_documents": most}
            name = f"Wikipedia-like, {'1 M' if size == SIZES[0] else '1 G'}"
            yield name, lambda size=size: draw(wikipedia, 512, size), options
    for rules in (
        {"max_documents": 2},
        {"max_documents": 4},
        {"max_documents": 64},
        {"extra_tokens": 1},
        {"align": 16},
        {"align": 128},
    ):
        for kind in ("normal(.3 L, .05 L)", "uniform[1, L]", "web (log-normal)"):
            yield (
                kind,
                lambda kind=kind: draw(KINDS[kind], 2048, SIZES[0]),
                {"context_length": 2048, **rules},
            )


def report(name, histogram, options):
    """Search for a packing, and print a row."""
    rules = {key: value for key, value in options.items() if key != "optimality_gap"}
    best_fit = fastpack.plan(histogram, **rules)
    start = time.process_time()
    plan = fastpack.plan(histogram, strategy="optimal", **options)
    seconds = time.process_time() - start
    certificate = plan.certificate
    bound = certificate.lower_bound
    rules.pop("context_length")
    kind = " ".join([name, *(f"{key}={value}" for key, value in rules.items())])
    print(
        f"| {kind} | {options['context_length']:,} | {plan.n_bins:,} "
        f"| {best_fit.n_bins:,} | {bound:,} | {best_fit.n_bins / bound - 1:.3%} "
        f"| {certificate.gap:.4%} | {certificate.seconds:.2f} | {seconds:.2f} "
        f"| {certificate.iterations} | {certificate.ended_by} "
        f"| {plan.runs.height:,} |",
        flush=True,
    )


def compile_all():
    for options in ({}, {"max_documents": 3}, {"max_documents": 64}):
        histogram = draw(KINDS["normal(.3 L, .05 L)"], 512, 3000)
        fastpack.plan(histogram, strategy="optimal", context_length=512, **options)


def falkenauer_uniform(rng, n):
    """Falkenauer, "A hybrid grouping genetic algorithm for bin packing", 1996."""
    return 150, rng.integers(20, 101, n)


def falkenauer_triplets(rng, n):
    """Of the same, three a bin and no space left: the fewest bins are a third."""
    first = rng.integers(380, 491, n // 3)
    second = np.array([rng.integers(250, (1000 - each) // 2 + 1) for each in first])
    return 1000, np.concatenate([first, second, 1000 - first - second])


def scholl_1(rng, n, capacity, least):
    """Scholl, Klein and Juergens, "BISON", 1997: set 1."""
    return capacity, rng.integers(least, 101, n)


def scholl_2(rng, n, chunks_per_bin, spread):
    """Of the same, set 2: sizes around a part of the capacity."""
    mean = 1000 / chunks_per_bin
    most = int(mean * (1 + spread))
    return 1000, rng.integers(int(mean * (1 - spread)), most + 1, n)


def scholl_3(rng):
    """Of the same, set 3: large sizes, none of which is there twice."""
    return 100_000, rng.integers(20_000, 35_001, 200)


def schwerin(rng, n):
    """Schwerin and Waescher, "The bin-packing problem", 1997."""
    return 1000, rng.integers(150, 201, n)


def hard_28(rng):
    """Schoenfield, 2002: of sizes from 0.001 to 0.8 of the capacity, the hard ones."""
    return 1000, rng.integers(1, 801, int(rng.integers(160, 201)))


def classical(number):
    """Yield the name, capacity and lengths of each instance."""
    sets = {f"Falkenauer U{n}": (falkenauer_uniform, n) for n in (120, 250, 500, 1000)}
    sets |= {f"Falkenauer T{n}": (falkenauer_triplets, n) for n in (60, 120, 249, 501)}
    for n in (50, 100, 200, 500):
        for capacity in (100, 120, 150):
            for least in (1, 20, 30):
                key = f"Scholl 1, N{n} C{capacity} W{least}"
                sets[key] = (scholl_1, n, capacity, least)
        for per_bin in (3, 5, 7, 9):
            for spread in (0.2, 0.5, 0.9):
                key = f"Scholl 2, N{n} W{per_bin} R{spread}"
                sets[key] = (scholl_2, n, per_bin, spread)
    sets["Scholl 3"] = (scholl_3,)
    sets |= {f"Schwerin {n}": (schwerin, n) for n in (100, 120)}
    sets["Hard 28"] = (hard_28,)
    for name, (generate, *parameters) in sets.items():
        for seed in range(number):
            yield (name, *generate(np.random.default_rng(seed), *parameters))


def report_classical(instances):
    """Pack each instance; print how many bins are above the rounded relaxation."""
    above = collections.defaultdict(collections.Counter)
    seconds = collections.defaultdict(list)
    for name, capacity, lengths in instances:
        start = time.perf_counter()
        plan = fastpack.plan(
            lengths, context_length=capacity, strategy="optimal", optimality_gap=0
        )
        seconds[name].append(time.perf_counter() - start)
        above[name][plan.n_bins - plan.lower_bound] += 1
    print("| instances | number | at the bound | one above | more | mean s | longest |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    total = sum(above.values(), collections.Counter())
    all_seconds = [each for part in seconds.values() for each in part]
    for name, counts in [*above.items(), ("all", total)]:
        times = all_seconds if name == "all" else seconds[name]
        more = counts.total() - counts[0] - counts[1]
        print(
            f"| {name} | {counts.total()} | {counts[0]} | {counts[1]} | {more} "
            f"| {np.mean(times):.2f} | {max(times):.2f} |"
        )


class Search:
    """Few documents, of lengths that best-fit packs badly."""

    params = (["normal(.3 L, .05 L)", "normal(.45 L, .1 L)"], [512, 2048])
    param_names = ("lengths", "context_length")

    def setup(self, kind, context_length):
        self.histogram = draw(KINDS[kind], context_length, 100_000)
        self.options = {"context_length": context_length, "strategy": "optimal"}
        self.time_plan(kind, context_length)  # compile

    def time_plan(self, kind, context_length):
        fastpack.plan(self.histogram, **self.options)

    def track_gap(self, kind, context_length):
        return fastpack.plan(self.histogram, **self.options).certificate.gap


class SearchOfThree:
    """At most three documents a bin."""

    def setup(self):
        self.histogram = draw(wikipedia, 512, 100_000)
        self.time_plan()  # compile

    def time_plan(self):
        fastpack.plan(
            self.histogram, context_length=512, max_documents=3, strategy="optimal"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="")
    parser.add_argument("--context-length", type=positive)
    parser.add_argument(
        "--instances", type=int, default=5, help="of each classical set"
    )
    arguments = parser.parse_args()
    compile_all()
    print(
        "| lengths | L | bins | best-fit | bound | best-fit above | gap | seconds "
        "| of the processor | programs | ended by | runs |"
    )
    print("|---|" + "---:|" * 9 + "---|---:|")
    for name, draw_row, options in rows():
        is_chosen = arguments.context_length in (None, options["context_length"])
        if is_chosen and arguments.rows in name:
            report(name, draw_row(), options)
    if arguments.instances and arguments.rows in "classical":
        report_classical(classical(arguments.instances))


if __name__ == "__main__":
    main()
