"""Sequences on demand, beside copying them: ``python -m benchmarks.sequences``.

`fastpack.PackedSequences` of documents in mapped files: sequences of 2,048 tokens a
second, by one process, at random and in order, the page cache warm; in turns with
copies of as many tokens that lie in one piece. If PyTorch is installed, batches of 16
by a DataLoader, too.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import fastpack
from benchmarks.distributions import make_documents
from fastpack.cli.shared_arguments import positive

L = 2048


def per_second(functions, n_items, rounds):
    """Print how often each function is done a second, in turns: medians and fastest."""
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    for name, each in times.items():
        median, fastest = n_items / statistics.median(each), n_items / min(each)
        print(f"{name:44}{median:12,.0f} a second, {fastest:12,.0f} the fastest")


def write_documents(n_documents, folder):
    """Write documents as flat arrays and as Arrow; return both, and the assignment."""
    values, tokens = make_documents(n_documents, 300)
    lengths = tokens.list.len().to_numpy()
    np.save(folder / "tokens.npy", values)
    np.save(folder / "offsets.npy", np.append(0, np.cumsum(lengths, dtype=np.int64)))
    tokens.to_frame().write_ipc(folder / "tokens.arrow", record_batch_size=100_000)
    flat = {"input_ids": folder / "tokens.npy", "offsets": folder / "offsets.npy"}
    assignment = folder / "assignment.parquet"
    fastpack.pack(lengths, context_length=L).write_parquet(assignment)
    return assignment, {"npy": flat, "arrow": folder / "tokens.arrow"}


def on_demand(assignment, documents, n_items, rounds):
    """Measure sequences from each storage."""
    rng = np.random.default_rng(0)
    functions = {}
    for storage, source in documents.items():
        start = time.perf_counter()
        sequences = fastpack.PackedSequences(assignment, source, context_length=L)
        print(f"{storage}: {sequences}, opened in {time.perf_counter() - start:.2f} s")
        order = rng.integers(0, len(sequences), n_items).tolist()

        def build(numbers, sequences=sequences):
            for number in numbers:
                sequences[number]

        in_order = [number % len(sequences) for number in range(n_items)]
        build(in_order)  # compile, and read the pages
        build(order)
        functions[f"{storage}, at random"] = partial(build, order)
        functions[f"{storage}, in order"] = partial(build, in_order)
    values = np.load(documents["npy"]["input_ids"], mmap_mode="r").view(np.ndarray)
    starts = rng.integers(0, max(values.size - L, 1), n_items).tolist()

    def copy():
        for start in starts:
            values[start : start + L].copy()

    copy()
    functions["numpy: a copy of a slice, at random"] = copy
    per_second(functions, n_items, rounds)


def by_data_loader(assignment, documents, rounds):
    """Measure a DataLoader without workers, and with two that are forked."""
    data = import_module("torch.utils.data")
    sequences = fastpack.PackedSequences(
        assignment, documents, context_length=L, boundaries=(), pad_id=0
    )

    def run(n_workers):
        loader = data.DataLoader(sequences, 16, shuffle=True, num_workers=n_workers)
        for _ in loader:
            pass

    functions = {f"DataLoader, {n} workers": lambda n=n: run(n) for n in (0, 2)}
    per_second(functions, len(sequences), rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=positive, default=1_000_000)
    parser.add_argument("--items", type=positive, default=100_000)
    parser.add_argument("--rounds", type=positive, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        assignment, documents = write_documents(arguments.documents, Path(folder))
        on_demand(assignment, documents, arguments.items, arguments.rounds)
        if find_spec("torch"):
            by_data_loader(assignment, documents["npy"], min(arguments.rounds, 3))


if __name__ == "__main__":
    main()
