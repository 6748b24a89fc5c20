"""fastpack.pack: a frame in, the finished table out."""

import numpy as np
import polars as pl

import fastpack

from .distributions import (
    CONTEXT_LENGTHS,
    DISTRIBUTIONS,
    DOCUMENTS,
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
