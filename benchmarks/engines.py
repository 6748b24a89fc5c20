"""What an engine adds to a task: ``python -m benchmarks.engines``.

Each engine runs, on two workers of this machine, calls that do nothing; calls that take
what a shard of 100,000 documents takes (a share of 60 KB, and the plan, which is handed
out once); and `pack_files`. Milliseconds a call, the fastest of some rounds.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

import fastpack
from benchmarks.distributions import make_lengths
from fastpack.files.calls import hand_out, run_all

ENGINES = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: fastpack.engines.process_executor(workers=2),
    "dask": lambda: fastpack.engines.dask_executor(workers=2),
    "ray": lambda: fastpack.engines.ray_executor(workers=2),
}


def nothing(*_):
    return None


def fastest(function, rounds):
    seconds = []
    for number in range(rounds):
        start = time.perf_counter()
        function(number)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--documents", type=int, default=100_000, help="in a shard")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    share = np.zeros(60_000, np.uint8)
    plan = np.zeros(1_000_000, np.uint8)
    print("| engine | start, s | empty | with a share | pack_files, a shard |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        lengths = make_lengths("web", arguments.documents)
        for number in range(arguments.shards):
            frame = pl.DataFrame({"n_tokens": np.roll(lengths, number)})
            frame.write_parquet(corpus / f"{number:04}.parquet")
        for name in arguments.engines:
            start = time.perf_counter()
            with ENGINES[name]() as executor:
                executor.submit(nothing).result()
                started = time.perf_counter() - start

                def run(*inputs, executor=executor):
                    calls = ((n, nothing, *inputs) for n in range(arguments.calls))
                    run_all(executor, calls, nothing)

                def pack(number, name=name, executor=executor):
                    target = Path(folder, f"{name}-{number}")
                    fastpack.pack_files(
                        corpus, target, context_length=8192, executor=executor
                    )

                reference = hand_out(executor, plan)
                empty = fastest(lambda _: run(), arguments.rounds)
                full = fastest(lambda _, r=reference: run(share, r), arguments.rounds)
                packed = fastest(pack, arguments.rounds)
            times = (
                empty / arguments.calls,
                full / arguments.calls,
                packed / arguments.shards,
            )
            cells = " | ".join(f"{1e3 * seconds:.2f}" for seconds in times)
            print(f"| {name} | {started:.1f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
