"""Speed beside numpy.bincount, and memory: ``python -m benchmarks.figures``.

Everything is measured in one process, warm, in turns, on the same arrays, by one thread
and by as many as Polars has: the median, its ratio to the median of numpy.bincount on
the same lengths in the same run, and the same ratio of the fastest rounds, which a busy
machine disturbs less. ``--documents N`` packs fewer than 10 million. ``--verify N``
does nothing else than to set verify beside pack, both in touched memory: 70 bytes a
document.
"""

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np
import polars as pl

import fastpack
from benchmarks.bench_kernels import assign, bins_and_offsets, count, stages_in_threads
from benchmarks.distributions import RULES, make_frame, make_lengths
from fastpack import threads
from fastpack.packing.assigner import allocate
from fastpack.packing.plan import PackingPlan
from fastpack.schemas import ASSIGNMENT_SCHEMA

CONTEXT_LENGTHS = [2048, 8192]

N_CORES = threads.n_cores()

PLAIN = fastpack.PackingOptions(context_length=CONTEXT_LENGTHS[0])


def in_turns(functions, rounds, n_bytes=0):
    """Return the times of each function, in milliseconds.

    Before each, so much memory is touched and freed: a machine that others share takes
    back what was free for some seconds, and giving it out again can take ten times as
    long as to use it.
    """
    times = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            touch_output(n_bytes)
            start = time.perf_counter()
            result = function()
            elapsed = time.perf_counter() - start
            del result
            if number:  # the first round compiles and touches
                times[name].append(1e3 * elapsed)
    return times


def on_cores(number, function):
    """Let a function see so many cores."""

    def limited():
        try:
            threads.n_cores = lambda: number
            return function()
        finally:
            threads.n_cores = pl.thread_pool_size

    return limited


def touch_output(n_bytes):
    """Do to memory what any output of this size must: get fresh pages, write them."""
    memory = np.zeros(n_bytes, np.uint8)
    memory[:: 1 << 12] = 1
    return memory  # to be freed outside the clock


def speed(n_documents, rounds):
    lengths = make_lengths("web", n_documents)
    frame = pl.DataFrame({"n_tokens": lengths})
    histogram = count(lengths)
    scaled = fastpack.LengthHistogram(histogram.lengths, histogram.counts * 1000)
    n_bytes = 32 * PackingPlan(histogram, PLAIN).n_rows
    functions = {
        "numpy.bincount": lambda: np.bincount(lengths),
        f"fresh pages of the output, {n_bytes >> 20} MB": lambda: touch_output(n_bytes),
    }
    for context_length in CONTEXT_LENGTHS:
        options = fastpack.PackingOptions(context_length=context_length)
        columns = bins_and_offsets(PackingPlan(histogram, options))

        def stages(options=options, columns=columns):
            assign(PackingPlan(count(lengths), options), lengths, columns)

        def all_stages(options=options, columns=columns):
            stages_in_threads(lengths, options, columns)

        def plan(histogram=histogram, options=options):
            PackingPlan(histogram, options)

        def plan_scaled(options=options):
            PackingPlan(scaled, options)

        def pack(context_length=context_length):
            return fastpack.pack(frame, context_length=context_length)

        table = fastpack.pack(frame, context_length=context_length)

        def verify(table=table, context_length=context_length):
            return fastpack.verify(table, frame, context_length=context_length)

        label = f"L = {context_length}"
        functions[f"count + plan + assign, {label}"] = stages
        functions[f"the same, {N_CORES} threads, {label}"] = all_stages
        functions[f"plan alone, {label}"] = plan
        functions[f"plan alone, 1000 x the documents, {label}"] = plan_scaled
        functions[f"fastpack.pack, one thread, {label}"] = on_cores(1, pack)
        functions[f"fastpack.pack, {N_CORES} threads, {label}"] = pack
        functions[f"fastpack.verify, {N_CORES} threads, {label}"] = verify
    times = in_turns(functions, rounds)
    base = times["numpy.bincount"]
    print(f"{n_documents:,} documents, web, int32; {rounds} rounds")
    print(f"{'':48}   median  ns/document   ratio   ratio of the fastest")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"{name:48}{median:6.2f} ms {1e6 * median / n_documents:10.2f} "
            f"{median / statistics.median(base):9.3f} {min(values) / min(base):9.3f}"
        )


def verify(n_documents, rounds):
    """Verify a table of 32 bytes a row beside packing into its memory."""
    lengths = make_lengths("web", n_documents)
    documents = pl.Series("n_tokens", lengths)
    plan = PackingPlan(count(lengths), PLAIN)
    n_rows = plan.n_rows
    columns = allocate(list(ASSIGNMENT_SCHEMA), n_rows)
    stages_in_threads(lengths, PLAIN, columns)
    table = pl.DataFrame(columns)
    rules = {"context_length": PLAIN.context_length}
    functions = {
        "pack into touched memory": lambda: stages_in_threads(lengths, PLAIN, columns),
        "fastpack.verify": lambda: fastpack.verify(table, **rules),
        "fastpack.verify with lengths": lambda: fastpack.verify(
            table, documents, **rules
        ),
    }
    # The sums of the bins, for each thread, and a quarter more.
    times = in_turns(functions, rounds, 10 * N_CORES * plan.n_bins)
    base = times["pack into touched memory"]
    print(f"{n_rows:,} rows, {N_CORES} threads; {rounds} rounds")
    print(f"{'':48}   median     ns/row   ratio   ratio of the fastest")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"{name:48}{median:6.0f} ms {1e6 * median / n_rows:10.2f} "
            f"{median / statistics.median(base):9.2f} {min(values) / min(base):9.2f}"
        )


def rules(n_documents, rounds):
    frame = make_frame(n_documents)

    def pack(options):
        return lambda: fastpack.pack(frame, context_length=2048, **options)

    times = in_turns({name: pack(options) for name, options in RULES.items()}, rounds)
    base = times["no rule"]
    print(f"{'fastpack.pack, L = 2048, with':48}   median     ratio   of the fastest")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"{name:48}{median:6.2f} ms {median / statistics.median(base):9.2f} "
            f"{min(values) / min(base):9.2f}"
        )


MEMORY = """
import re
import numpy as np, polars as pl, fastpack
from benchmarks.distributions import make_lengths
def status(name):
    text = open("/proc/self/status").read()
    return int(re.search(name + r":\\s+(\\d+)", text)[1]) / 1024
frame = pl.DataFrame({{"n_tokens": make_lengths("web", {n})}})
fastpack.pack(frame[:1000], context_length=2048)
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
table = fastpack.pack(frame, context_length=2048)
print(before, status("VmHWM"), table.estimated_size() / 2**20)
"""


def memory(n_documents):
    script = MEMORY.format(n=n_documents)
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    before, peak, output = map(float, run.stdout.split())
    print(
        f"memory: {before:.0f} MB before (input, libraries), output {output:.0f} MB, "
        f"peak {peak:.0f} MB: {peak - before - output:+.0f} MB beside both"
    )


def startup(rounds):
    def run(*arguments):
        return lambda: subprocess.run(
            [sys.executable, *arguments], check=True, capture_output=True
        )

    first_pack = (
        "import numpy, time, fastpack; from fastpack import pack;"
        "start = time.perf_counter();"
        "pack(numpy.array([8, 6, 6, 4, 3]), context_length=8);"
        "print(time.perf_counter() - start)"
    )
    times = in_turns(
        {
            "python -c pass": run("-c", "pass"),
            "import polars": run("-c", "import polars"),
            "import fastpack": run("-c", "import fastpack"),
            "from fastpack import pack": run("-c", "from fastpack import pack"),
            "fastpack --help": run("-m", "fastpack", "--help"),
        },
        rounds,
    )
    for name, values in times.items():
        print(f"{name:48}{statistics.median(values):6.0f} ms")
    firsts = [float(run("-c", first_pack)().stdout) for _ in range(rounds)]
    print(f"{'first pack, warm cache':48}{1e3 * statistics.median(firsts):6.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--verify", type=int, metavar="N")
    arguments = parser.parse_args()
    if arguments.verify is not None:
        verify(arguments.verify, arguments.rounds)
        return
    speed(arguments.documents, arguments.rounds)
    rules(arguments.documents, arguments.rounds)
    memory(arguments.documents)
    startup(min(arguments.rounds, 9))


if __name__ == "__main__":
    main()
