"""Tokens moved, beside copying them, and beside TRL: ``python -m benchmarks.tokens``.

`fastpack.pack_tokens` of a frame of documents in memory, int32, L = 2048, in turns with
`numpy.copy` of the tokens into fresh memory, by one thread: medians, their ratio, and
that of the fastest rounds. Before each, as much memory as it needs is touched.

If trl and datasets are installed, 100,000 documents go from `Dataset` to `Dataset`,
too, by `pack_dataset(..., "bfd_split")` as it is called by default, and by fastpack.
"""

import argparse
import statistics
from importlib import import_module
from importlib.util import find_spec

import numpy as np

import fastpack
from benchmarks.distributions import make_documents
from benchmarks.figures import N_CORES, in_turns, on_cores
from fastpack.cli.shared_arguments import positive

L = 2048

FORMS = {
    "lists": {},
    "arrays (pad_id)": {"pad_id": 0},
    "lists and position_ids": {"boundaries": ["seq_lengths", "position_ids"]},
}


def beside_copies(n_documents, mean, dtype, rounds):
    values, tokens = make_documents(n_documents, mean, dtype)
    frame = tokens.to_frame()

    def pack(**options):
        return lambda: fastpack.pack_tokens(frame, context_length=L, **options)

    functions = {"numpy.copy": lambda: np.copy(values)}
    for form, options in FORMS.items():
        functions[f"pack_tokens, {form}, {N_CORES} threads"] = pack(**options)
    functions["pack_tokens, lists, one thread"] = on_cores(1, pack())
    # The tokens and their int32 positions, and a quarter more.
    n_bytes = int(1.25 * (values.nbytes + 4 * values.size))
    times = in_turns(functions, rounds, n_bytes)
    print(
        f"{n_documents:,} documents of {mean:,} tokens on average, {values.size:,} "
        f"tokens, {values.dtype}; {rounds} rounds"
    )
    print(f"{'':52}   median   ratio   ratio of the fastest")
    base = times["numpy.copy"]
    for name, each in times.items():
        median = statistics.median(each)
        print(
            f"{name:52}{median:6.0f} ms {median / statistics.median(base):7.2f} "
            f"{min(each) / min(base):7.2f}"
        )


def beside_trl(n_documents, rounds):
    arrow, datasets = import_module("pyarrow"), import_module("datasets")
    trl = import_module("trl.data_utils")
    datasets.disable_progress_bars()
    values, tokens = make_documents(n_documents, 300)
    dataset = datasets.Dataset(arrow.table({"input_ids": tokens.to_arrow()}))

    def by_trl():
        settings = {"load_from_cache_file": False}
        return trl.pack_dataset(dataset, L, "bfd_split", settings)

    def by_fastpack():
        sequences = fastpack.pack_tokens(dataset.to_polars(), context_length=L)
        return datasets.Dataset(sequences.to_arrow(), fingerprint="packed")

    functions = {"TRL pack_dataset": by_trl, "fastpack.pack_tokens": by_fastpack}
    times = in_turns(functions, rounds, 2 * values.nbytes)
    ours = statistics.median(times["fastpack.pack_tokens"])
    print(f"{n_documents:,} documents, Dataset to Dataset")
    for name, function in functions.items():
        median = statistics.median(times[name])
        n_rows = len(function())
        print(f"{name:52}{median:6.0f} ms {median / ours:7.1f} x  {n_rows:,} sequences")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=positive, default=1_000_000)
    parser.add_argument("--rounds", type=positive, default=7)
    arguments = parser.parse_args()
    for mean, dtype in ((300, np.int32), (300, np.uint16), (1000, np.int32)):
        n_documents = arguments.documents * 300 // mean  # as many tokens in all
        beside_copies(n_documents, mean, dtype, arguments.rounds)
    if find_spec("trl") and find_spec("datasets"):
        beside_trl(min(arguments.documents, 100_000), arguments.rounds)


if __name__ == "__main__":
    main()
