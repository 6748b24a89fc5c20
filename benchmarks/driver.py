"""The driver of a large packing: ``python -m benchmarks.driver --shards 100000``.

The costs of the one process that counts, plans and deals out the work, whatever runs
it: CPU seconds and peak memory. Shards are histograms that were drawn, no files; an
executor pickles each call, as engines do, and answers at once. The manifest is a real
one. The time to read the file of a histogram is measured on one file, and multiplied.
`benchmarks.engines` measures what an engine adds to a call.
"""

import argparse
import pickle
import re
import tempfile
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl

from benchmarks.distributions import make_lengths
from fastpack.documents.histogram import LengthHistogram
from fastpack.files import passes, shard
from fastpack.files.manifest import Fingerprint, Manifest
from fastpack.files.reading import Selection
from fastpack.files.shard import CountedShard, Shard
from fastpack.options import PackingOptions
from fastpack.packing.plan import PackingPlan

DRAWN = 500
"""Histograms that are drawn; shards take them in turns."""


class Nobody(Executor):
    """An executor whose calls are pickled, and answered by `answer`."""

    def __init__(self, answer):
        self.answer = answer
        self.n_bytes = 0

    def put(self, value):
        self.n_bytes += len(pickle.dumps(value, 5))
        return "a reference"

    def submit(self, function, *arguments):
        self.n_bytes += len(pickle.dumps((function, arguments), 5))
        future = Future()
        future.set_result(self.answer(*arguments))
        return future


def megabytes(name):
    """Return the memory of this process: VmRSS, as it is now, or VmHWM, its peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024


def draw(documents, number):
    lengths = np.random.default_rng([2404_10830, number]).lognormal(
        np.log(600) - 1.25**2 / 2, 1.25, documents
    )
    return LengthHistogram.from_lengths(np.maximum(lengths, 1).astype(np.int64))


def make_shards(manifest, n_shards):
    columns = Selection("n_tokens")
    folder = Path("/data/corpus/web")
    return [
        Shard(
            source=folder / f"part-{number:06}.parquet",
            fingerprint=Fingerprint(f"{folder}/part-{number:06}.parquet", number, 0),
            output=manifest.target / f"part-{number:06}.parquet",
            counts_file=manifest.counts_folder / f"{number}.parquet",
            name=f"part-{number:06}.parquet",
            columns=columns,
        )
        for number in range(n_shards)
    ]


def measure_a_file(folder, documents):
    """Return the seconds to read the histogram of one shard back from its file."""
    source = Path(folder, "one.parquet")
    pl.DataFrame({"n_tokens": make_lengths("web", documents)}).write_parquet(source)
    one = Shard(
        source=source,
        fingerprint=Fingerprint.of(str(source)),
        output=source,
        counts_file=Path(folder, "counts.parquet"),
        name="one",
        columns=Selection("n_tokens"),
    )
    shard.count_shard(one)
    seconds = []
    for _ in range(30):
        start = time.process_time()
        shard.read_counts(one)
        seconds.append(time.process_time() - start)
    return min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--shards", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=100_000, help="in a shard")
    parser.add_argument("--context-length", type=int, default=8192)
    arguments = parser.parse_args()
    histograms = [draw(arguments.documents, number) for number in range(DRAWN)]
    entries = sum(each.lengths.size for each in histograms) / DRAWN
    options = PackingOptions(context_length=arguments.context_length)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        read = measure_a_file(folder, arguments.documents)
        before = megabytes("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew

        def timed(name, function, *inputs):
            start = time.process_time()
            result = function(*inputs)
            rows.append(
                (name, time.process_time() - start, megabytes("VmHWM") - before)
            )
            return result

        manifest = Manifest(Path(folder, "target"))
        manifest.folder.mkdir(parents=True)
        shards = timed("list the shards", make_shards, manifest, arguments.shards)
        numbers = {each.counts_file: number for number, each in enumerate(shards)}

        def read_counts(one):
            drawn = histograms[numbers[one.counts_file] % DRAWN]
            return CountedShard(drawn, {}, {})

        def write_entry(one, share, *_):
            entry = {
                "source": str(one.fingerprint.path),
                "documents": arguments.documents,
            }
            entry |= {"first_document": share.first_document, "rows": share.n_rows}
            return {**entry, "bytes": 0, "sha256": "0" * 64}

        with (
            mock.patch.object(passes, "read_counts", read_counts),
            manifest.locked(),
        ):
            counting = Nobody(lambda _: arguments.documents)
            histogram = timed(
                "count: hand out, sum up",
                passes.count_shards,
                counting,
                shards,
                lambda _: None,
            )
            plan = timed("plan", PackingPlan, histogram, options)
            described = [each.fingerprint.as_dict() for each in shards]
            timed(
                "write the job", manifest.begin, {"version": "", "sources": described}
            )
            assigning = Nobody(write_entry)
            timed(
                "assign: deal out, record",
                passes.assign_shards,
                assigning,
                shards,
                plan,
                manifest,
                lambda _: None,
            )
            names = [each.name for each in shards]
            timed("finish the manifest", manifest.finish, names)
    n_documents = arguments.shards * arguments.documents
    print(
        f"{arguments.shards:,} shards, {n_documents:,} documents, "
        f"{plan.n_bins:,} sequences of {arguments.context_length:,}; "
        f"{entries:,.0f} distinct lengths a shard, {plan.runs.height:,} runs\n"
    )
    print("| step | CPU s | ms a shard | peak MB so far |\n|---|---:|---:|---:|")
    rows.append(
        (
            "read histograms, twice (1 file, times the shards)",
            2 * read * arguments.shards,
            rows[-1][2],
        )
    )
    for name, seconds, peak in rows:
        each = 1e3 * seconds / arguments.shards
        print(f"| {name} | {seconds:.1f} | {each:.3f} | {peak:.0f} |")
    to_count, to_assign = (
        executor.n_bytes / arguments.shards for executor in (counting, assigning)
    )
    print(
        f"\nTo the workers: {to_count:,.0f} bytes a shard to count, {to_assign:,.0f} "
        f"to assign. Memory: beside {before:.0f} MB, of which {DRAWN} histograms."
    )


if __name__ == "__main__":
    main()
