"""compare and verify: what they cost beside packing."""

import polars as pl

import fastpack

from .distributions import DOCUMENTS, make_lengths


class Compare:
    params = (DOCUMENTS, [1, 4])
    param_names = ("documents", "context_lengths")

    def setup(self, documents, context_lengths):
        self.lengths = pl.Series("n_tokens", make_lengths("web", documents))
        self.context_lengths = [1024, 2048, 4096, 8192][:context_lengths]
        self.time_compare(documents, context_lengths)  # compile

    def time_compare(self, documents, context_lengths):
        fastpack.compare(self.lengths, context_length=self.context_lengths)


class Verify:
    params = (DOCUMENTS,)
    param_names = ("documents",)

    def setup(self, documents):
        self.lengths = pl.Series("n_tokens", make_lengths("web", documents))
        self.assignment = fastpack.pack(self.lengths, context_length=2048)
        self.time_verify(documents)  # compile
        self.time_verify_lengths(documents)

    def time_verify(self, documents):
        fastpack.verify(self.assignment, context_length=2048)

    def time_verify_lengths(self, documents):
        fastpack.verify(self.assignment, self.lengths, context_length=2048)

    def peakmem_verify(self, documents):
        fastpack.verify(self.assignment, context_length=2048)
