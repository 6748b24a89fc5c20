"""Sequences on demand, and what it costs to check sequences."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import fastpack

from .distributions import DOCUMENTS, make_documents

TOKEN_DOCUMENTS = sorted({min(number, 100_000) for number in DOCUMENTS})
"""More are for ``benchmarks.sequences``."""

L = 2048

BOUNDARIES = ["seq_lengths", "cu_seqlens", "position_ids", "documents"]

N_ITEMS = 1000


class Sequences:
    """A thousand sequences out of mapped files, in any order."""

    params = (TOKEN_DOCUMENTS, ["npy", "arrow"])
    param_names = ("documents", "storage")

    def setup(self, documents, storage):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        values, tokens = make_documents(documents, 300)
        lengths = tokens.list.len()
        self.assignment = fastpack.pack(lengths, context_length=L)
        self.documents = folder / "tokens.arrow"
        if storage == "arrow":
            tokens.to_frame().write_ipc(self.documents, record_batch_size=10_000)
        else:
            offsets = np.append(0, np.cumsum(lengths.to_numpy(), dtype=np.int64))
            np.save(folder / "tokens.npy", values)
            self.documents = {"input_ids": folder / "tokens.npy", "offsets": offsets}
        self.open([])

    def open(self, boundaries):
        self.sequences = fastpack.PackedSequences(
            self.assignment, self.documents, context_length=L, boundaries=boundaries
        )
        order = np.random.default_rng(0).integers(0, len(self.sequences), N_ITEMS)
        self.order = order.tolist()
        self.sequences[self.order[0]]  # compile

    def teardown(self, *_):
        self.folder.cleanup()

    def time_at_random(self, *_):
        for number in self.order:
            self.sequences[number]

    def time_batches(self, *_):
        for start in range(0, N_ITEMS, 16):
            self.sequences[self.order[start : start + 16]]

    def time_open(self, *_):
        self.open([])

    def peakmem_open(self, *_):
        self.open([])

    def track_pickled_bytes(self, *_):
        return len(pickle.dumps(self.sequences))


class Boundaries:
    """The same with each kind of boundaries."""

    params = (TOKEN_DOCUMENTS, BOUNDARIES)
    param_names = ("documents", "boundaries")

    def setup(self, documents, boundaries):
        self.suite = Sequences()
        self.suite.setup(documents, "npy")
        self.suite.open(boundaries)

    def teardown(self, *_):
        self.suite.teardown()

    def time_at_random(self, *_):
        self.suite.time_at_random()


class VerifyTokens:
    """In memory, and from Parquet; beside reading the same files."""

    params = (TOKEN_DOCUMENTS,)
    param_names = ("documents",)

    def setup(self, documents):
        self.folder = tempfile.TemporaryDirectory()
        self.documents = make_documents(documents, 300)[1].to_frame()
        self.sequences = fastpack.pack_tokens(self.documents, context_length=L)
        self.paths = [
            Path(self.folder.name, name) for name in ("sequences.pq", "documents.pq")
        ]
        self.sequences.write_parquet(self.paths[0])
        self.documents.write_parquet(self.paths[1])
        self.time_verify(documents)  # compile

    def teardown(self, documents):
        self.folder.cleanup()

    def time_verify(self, documents):
        fastpack.verify_tokens(self.sequences, self.documents, context_length=L)

    def time_verify_files(self, documents):
        fastpack.verify_tokens(*self.paths, context_length=L)

    def time_read_files(self, documents):
        for path in self.paths:
            for _ in pl.scan_parquet(path).collect_batches(chunk_size=4096):
                pass

    def peakmem_verify_files(self, documents):
        self.time_verify_files(documents)
