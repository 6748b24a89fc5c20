"""Pack a corpus of many files: ``python -m benchmarks.large --documents 100000000``.

Makes shards of documents from a seed (kept for the next run in ``--folder``), packs
them with `fastpack.pack_files`, and lets Polars pass the assignment through
scan_parquet -> sink_parquet, each in a process of its own: seconds, their ratio, peak
memory. Before that, the packing itself, files aside, by one and by two threads.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

import fastpack
from benchmarks.bench_kernels import bins_and_offsets, count
from fastpack.documents.histogram import LengthHistogram
from fastpack.packing.plan import PackingPlan

SHARD_DOCUMENTS = 6_250_000

PROCESS = """
import json, re, time
from pathlib import Path
import polars as pl, fastpack
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
print(json.dumps([seconds, peak]))
"""

PACK = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor({workers}) as executor:
    fastpack.pack_files({corpus!r}, {target!r}, context_length=2048, executor=executor)
"""

PASS_THROUGH = """
pl.scan_parquet({target!r} + "/*.parquet").sink_parquet({copy!r})
"""


def make_corpus(folder, n_documents):
    """Write shards of log-normal lengths, the same for every run."""
    n_shards = -(-n_documents // SHARD_DOCUMENTS)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_shards):
        path = folder / f"part-{number}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([2404_10830, number])
        rows = min(SHARD_DOCUMENTS, n_documents - number * SHARD_DOCUMENTS)
        lengths = rng.lognormal(np.log(600) - 1.25**2 / 2, 1.25, rows)
        lengths = np.clip(lengths, 1, 2**31 - 1).astype(np.int32)
        temporary = path.with_suffix(".tmp")
        pl.DataFrame({"n_tokens": lengths}).write_parquet(temporary)
        temporary.replace(path)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{n_documents:,} documents, {n_shards} shards, {size / 1e9:.2f} GB")


def in_process(code, **values):
    """Run code in a fresh process; return its seconds and its peak memory in MB."""
    script = PROCESS.format(code=code.format(**values))
    run = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(run.stdout)


def files(folder, workers):
    corpus, target, copy = (folder / name for name in ("corpus", "out", "copy.parquet"))
    shutil.rmtree(target, ignore_errors=True)
    seconds, peak = in_process(
        PACK, corpus=str(corpus), target=str(target), workers=workers
    )
    base, base_peak = in_process(PASS_THROUGH, target=str(target), copy=str(copy))
    copy.unlink()
    print(f"pack_files, {workers} workers      {seconds:8.1f} s {peak:6.0f} MB")
    print(f"Polars, the assignment through {base:6.1f} s {base_peak:6.0f} MB")
    print(f"ratio                         {seconds / base:8.2f}")
    shutil.rmtree(target)


def threads(folder, rounds):
    """Count, plan and assign in memory, by one and by two threads."""
    paths = sorted((folder / "corpus").iterdir())[:8]
    shards = [pl.read_parquet(path)["n_tokens"].to_numpy() for path in paths]
    options = fastpack.PackingOptions(context_length=2048)
    columns = [bins_and_offsets(PackingPlan(count(s), options)) for s in shards]

    def assign_shard(plan, before, number):
        assigner = plan.assigner(plan.cut(before), before.n_documents).cursors
        assigner.fill(shards[number], columns[number])

    def pack(executor):
        histograms = list(executor.map(count, shards))
        before = [LengthHistogram([], [])]
        for histogram in histograms:
            before.append(before[-1] + histogram)
        (plan,) = PackingPlan(before.pop(), options).blocks
        plans = [plan] * len(shards)
        list(executor.map(assign_shard, plans, before, range(len(shards))))

    times = {1: [], 2: []}
    for turn in range(rounds + 1):
        for n_threads, values in times.items():
            with ThreadPoolExecutor(n_threads) as executor:
                start = time.perf_counter()
                pack(executor)
                if turn:
                    values.append(time.perf_counter() - start)
    one, two = (statistics.median(values) for values in times.values())
    print(
        f"{sum(map(len, shards)):,} documents counted, planned, assigned in memory: "
        f"one thread {1e3 * one:.0f} ms, two {1e3 * two:.0f} ms: {one / two:.2f} x, "
        f"fastest rounds {min(times[1]) / min(times[2]):.2f} x"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--folder", type=Path, default=Path("fastpack-large"))
    arguments = parser.parse_args()
    folder = arguments.folder / str(arguments.documents)
    make_corpus(folder / "corpus", arguments.documents)
    threads(folder, arguments.rounds)  # before the system has files to write back
    files(folder, arguments.workers)


if __name__ == "__main__":
    main()
