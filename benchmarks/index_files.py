"""Read document lengths of an index: ``python -m benchmarks.index_files``.

Makes an .idx file of Megatron from a seed (kept for the next run in ``--folder``), of
20 bytes a document. NumPy reads its bytes, and fastpack the lengths of all documents
and their histogram, which is what ``fastpack plan`` needs of it; in turns, in one
process: seconds, processor seconds, and their ratios to NumPy's.
"""

import argparse
import os
import statistics
import struct
import time
from pathlib import Path

import numpy as np

from fastpack.documents.streaming import collect_in_batches
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from fastpack.files.reading import Selection, count_sources

MEAN = 600

AT_ONCE = 1 << 24

BLOCK = 1 << 26
"""Bytes that NumPy reads at a time: all at once would not fit into memory."""

ITEMSIZE = 2


def make_index(path, n_documents):
    """Write an index of log-normal lengths, without the tokens."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2404_10830)
    some = rng.lognormal(np.log(MEAN) - 1.25**2 / 2, 1.25, 1 << 20)
    some = np.clip(some, 1, 1 << 20).astype(np.int32)
    steps = [
        range(first, min(first + AT_ONCE, n_documents))
        for first in range(0, n_documents, AT_ONCE)
    ]
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        counts = n_documents, n_documents + 1
        file.write(struct.pack("<9sQBQQ", b"MMIDIDX\0\0", 1, 8, *counts))
        for step in steps:
            file.write(np.resize(some, len(step)).data)
        end = 0
        for step in steps:
            n_bytes = np.resize(some, len(step)).astype(np.int64) * ITEMSIZE
            starts = end + np.cumsum(n_bytes) - n_bytes
            end = int(starts[-1] + n_bytes[-1])
            file.write(starts.data)
        for step in steps:
            file.write(np.arange(step.start, step.stop).data)
        file.write(np.array([n_documents]).data)
    temporary.replace(path)


def from_file(path):
    """Read the bytes of a file with NumPy, into fresh memory, as any reader does."""
    size = path.stat().st_size
    for offset in range(0, size, BLOCK):
        np.fromfile(path, np.uint8, min(BLOCK, size - offset), offset=offset)


def read_lengths(path):
    for _ in collect_in_batches(scan_source(path, Request()).select("n_tokens")):
        pass


def count(path):
    count_sources([path], Selection("n_tokens"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("fastpack-index"))
    arguments = parser.parse_args()
    path = arguments.folder / f"{arguments.documents}.idx"
    make_index(path, arguments.documents)
    print(f"{arguments.documents:,} documents, {path.stat().st_size / 1e9:.2f} GB")
    measured = {from_file: [], read_lengths: [], count: []}
    print("                seconds  processor s")
    for _ in range(arguments.rounds):
        for run, figures in measured.items():
            start, before = time.perf_counter(), os.times()
            run(path)
            after = os.times()
            processor = after.user + after.system - before.user - before.system
            figures.append((time.perf_counter() - start, processor))
            name = run.__name__
            print("{:14} {:8.2f} {:12.2f}".format(name, *figures[-1]), flush=True)
    middle = {
        run: [statistics.median(values) for values in zip(*figures, strict=True)]
        for run, figures in measured.items()
    }
    for run in (read_lengths, count):
        pairs = zip(middle[run], middle[from_file], strict=True)
        # A small file takes no processor time that is counted.
        ratios = [a / b if b else float("nan") for a, b in pairs]
        print("{:14} {:8.2f} {:12.2f} x".format(run.__name__, *ratios))


if __name__ == "__main__":
    main()
