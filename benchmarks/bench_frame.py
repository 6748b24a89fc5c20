"""fastpack.pack: a frame in, the finished table out."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import fastpack

from .distributions import (
    CONTEXT_LENGTHS,
    DISTRIBUTIONS,
    DOCUMENTS,
    RULES,
    make_frame,
    make_lengths,
)


class Pack:
    params = (DOCUMENTS, CONTEXT_LENGTHS, DISTRIBUTIONS)
    param_names = ("documents", "context_length", "distribution")

    def setup(self, documents, context_length, distribution):
        lengths = make_lengths(distribution, documents, context_length)
        ids = np.arange(documents, dtype=np.int64)
        self.frame = pl.DataFrame({"n_tokens": lengths, "doc_id": ids})
        fastpack.pack(self.frame[:10], context_length=context_length)  # compile

    def time_pack(self, documents, context_length, distribution):
        fastpack.pack(self.frame, context_length=context_length)

    def time_pack_keep(self, documents, context_length, distribution):
        fastpack.pack(self.frame, context_length=context_length, keep="doc_id")

    def peakmem_pack(self, documents, context_length, distribution):
        fastpack.pack(self.frame, context_length=context_length)


class Rules:
    """Each rule, beside packing without one."""

    params = (DOCUMENTS, list(RULES))
    param_names = ("documents", "rule")

    def setup(self, documents, rule):
        self.frame = make_frame(documents)
        self.time_pack(documents, rule)  # compile

    def time_pack(self, documents, rule):
        fastpack.pack(self.frame, context_length=2048, **RULES[rule])


class PackLazily:
    """Parquet to Parquet in two streaming passes, beside Polars passing it through.

    With blocks, it is one pass.
    """

    params = (DOCUMENTS,)
    param_names = ("documents",)

    def setup(self, documents):
        self.folder = tempfile.TemporaryDirectory()
        self.source = Path(self.folder.name, "documents.parquet")
        self.assignment = Path(self.folder.name, "assignment.parquet")
        lengths = make_lengths("web", documents)
        pl.DataFrame({"n_tokens": lengths}).write_parquet(self.source)
        self.time_pack(documents)  # compile, and make what is passed through

    def teardown(self, documents):
        self.folder.cleanup()

    def time_pack(self, documents):
        corpus = pl.scan_parquet(self.source)
        fastpack.pack(corpus, context_length=2048).sink_parquet(self.assignment)

    def time_pack_blocks(self, documents):
        rows = fastpack.pack(
            pl.scan_parquet(self.source), context_length=2048, block_documents=100_000
        )
        rows.sink_parquet(self.assignment.with_name("blocks.parquet"))

    def time_pass_through(self, documents):
        target = self.assignment.with_name("copy.parquet")
        pl.scan_parquet(self.assignment).sink_parquet(target)

    def peakmem_pack(self, documents):
        self.time_pack(documents)
