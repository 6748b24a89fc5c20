"""Documents that several files of tests pack, and what writes and reads their files."""

import numpy as np
import polars as pl

import fastpack

FRAME = pl.DataFrame({"id": ["a", "b", "c"], "n_tokens": [8, 6, 4]})
"""A few documents."""

L = 128
N = 20_000
_RNG = np.random.default_rng(3)
CORPUS = pl.DataFrame(
    {
        "doc_id": [f"d{number}" for number in range(N)],
        "n_tokens": np.clip(_RNG.lognormal(3, 1.25, N), 0, 5000).astype(np.int32),
    }
)
"""Documents of some shards, packed into sequences of `L` tokens."""


def _token_documents(n_documents):
    """Return documents of tokens, with columns in lockstep, keys and a group."""
    rng = np.random.default_rng(17)
    lengths = np.clip(rng.lognormal(2.5, 1.25, n_documents), 0, 400).astype(int)
    ids = [rng.integers(0, 1000, length) for length in lengths]
    return pl.DataFrame(
        {
            "doc_id": [f"d{number}" for number in range(n_documents)],
            "input_ids": [each.tolist() for each in ids],
            "labels": [(each + 1).tolist() for each in ids],
            "loss_mask": [(each % 2 == 0).tolist() for each in ids],
            "lang": rng.choice(["de", "en", "fr"], n_documents),
        },
        {
            "doc_id": pl.String,
            "input_ids": pl.List(pl.Int32),
            "labels": pl.List(pl.Int64),
            "loss_mask": pl.List(pl.Boolean),
            "lang": pl.String,
        },
    )


TOKENS = _token_documents(600)
"""Documents of some 15,000 tokens."""


COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def write(frame, path):
    """Write a frame in the format of the suffix; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if compression := COMPRESSIONS.get(path.suffix):
        lazy = frame.lazy()
        sink = lazy.sink_csv if ".csv" in path.suffixes else lazy.sink_ndjson
        sink(path, compression=compression)
        return path
    {
        ".parquet": frame.write_parquet,
        ".pq": frame.write_parquet,
        ".arrow": frame.write_ipc,
        ".feather": frame.write_ipc,
        ".ipc": frame.write_ipc,
        ".csv": frame.write_csv,
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
    }[path.suffix](path)
    return path


def write_shards(folder, n_shards, corpus=CORPUS, **settings):
    """Write the shards of a corpus; return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = -(-corpus.height // n_shards)
    for number in range(n_shards):
        part = corpus[number * rows : (number + 1) * rows]
        part.write_parquet(folder / name_of_shard(number, n_shards), **settings)
    return folder


def packed_shards(folder, n_shards):
    """Write the shards of a corpus, and pack them; return both folders."""
    corpus, target = write_shards(folder / "corpus", n_shards), folder / "out"
    pack(corpus, target)
    return corpus, target


def name_of_shard(number, n_shards):
    """Return the name of a shard: in the order of the names, for any number of them."""
    return f"part-{number:0{len(str(n_shards - 1))}}.parquet"


def read_shards(target, n_shards):
    """Read what was packed of all shards, in their order."""
    return pl.concat(
        pl.read_parquet(target / name_of_shard(number, n_shards))
        for number in range(n_shards)
    )


def files_of(folder):
    """Return the bytes of all files but the lock, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


class StopError(Exception):
    """A run is stopped."""


def stop_after(n_reports):
    """Return a `progress` that stops a run at a report."""
    left = n_reports

    def report(progress):
        nonlocal left
        left -= 1
        if left == 0:
            raise StopError

    return report


def pack(sources, target, **options):
    """Pack files into sequences of `L` tokens."""
    return fastpack.pack_files(sources, target, context_length=L, **options)


def pack_tokens_of(sources, target, **options):
    """Pack files of tokens into sequences of 64 tokens."""
    options = {"boundaries": ["seq_lengths", "chunk_starts"], **options}
    return fastpack.pack_token_files(sources, target, context_length=64, **options)


def read_sequences(target, name="*.parquet"):
    """Read the sequences that were packed, in their order."""
    return pl.read_parquet(target / name)


def documents_of(sequences, columns=("input_ids",)):
    """Return the columns of each document, put together of its chunks."""
    chunks = {}
    for row in sequences.iter_rows(named=True):
        place = 0
        for document, start, length in zip(
            row["documents"], row["chunk_starts"], row["seq_lengths"], strict=True
        ):
            chunks.setdefault(document, {})[start] = [
                row[name][place : place + length] for name in columns
            ]
            place += length
        assert 0 < place == len(row[columns[0]])
    documents = {}
    for document, parts in chunks.items():
        documents[document] = [[] for _ in columns]
        for start, part in sorted(parts.items()):
            assert start == len(documents[document][0])
            for values, more in zip(documents[document], part, strict=True):
                values.extend(more)
    return documents


RUN = """
import sys
import numpy as np
import fastpack
fastpack.pack(np.array([8, 6, 6, 4, 3, 20]), context_length=8)
corpus, target = sys.argv[1:]
print("ready", flush=True)
fastpack.pack_files(corpus, target, context_length=128, keep="doc_id")
print("done", flush=True)
"""
"""Packs the files of one folder into another, in a process of its own."""


def report_of(lengths, context_lengths, **rules):
    """Make a report of documents of these lengths."""
    from fastpack.documents.batches import as_documents
    from fastpack.reports.report import make_report

    documents = as_documents(pl.LazyFrame({"n_tokens": lengths}), ())
    options = [
        fastpack.PackingOptions(context_length=each, **rules)
        for each in context_lengths
    ]
    return make_report("a corpus", documents, options)
