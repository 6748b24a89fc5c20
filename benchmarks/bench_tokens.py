"""fastpack.pack_tokens: documents with their tokens in, training sequences out."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import fastpack

from .distributions import DOCUMENTS, make_documents

TOKEN_DOCUMENTS = sorted({min(number, 100_000) for number in DOCUMENTS})
"""More are for ``benchmarks.tokens``: a million of them are gigabytes of tokens."""

FORMS = {
    "arrays": {"pad_id": 0},
    "eos": {"eos_id": 1},
    "labels": {"columns": "labels"},
    "keep": {"keep": "doc_id"},
    "position_ids": {"boundaries": "position_ids"},
    "segment_ids": {"boundaries": "segment_ids"},
    "blocks": {"block_documents": 10_000},
}


class PackTokens:
    """Lists of documents of some mean length, beside a copy into fresh memory."""

    params = (TOKEN_DOCUMENTS, [300, 1000])
    param_names = ("documents", "mean")

    def setup(self, documents, mean):
        self.values, tokens = make_documents(documents, mean)
        self.frame = tokens.to_frame()
        self.time_pack_tokens(documents, mean)  # compile

    def time_copy(self, documents, mean):
        np.copy(self.values)

    def time_pack_tokens(self, documents, mean):
        fastpack.pack_tokens(self.frame, context_length=2048)

    def peakmem_pack_tokens(self, documents, mean):
        self.time_pack_tokens(documents, mean)


class Forms:
    """Each other form of sequences."""

    params = (TOKEN_DOCUMENTS, list(FORMS))
    param_names = ("documents", "form")

    def setup(self, documents, form):
        _, tokens = make_documents(documents, 300)
        self.frame = pl.DataFrame([tokens, tokens.alias("labels")]).with_row_index(
            "doc_id"
        )
        self.time_pack_tokens(documents, form)  # compile

    def time_pack_tokens(self, documents, form):
        fastpack.pack_tokens(self.frame, context_length=2048, **FORMS[form])


class PackTokensLazily:
    """Parquet to Parquet in one streaming pass, beside Polars passing it through."""

    params = (TOKEN_DOCUMENTS,)
    param_names = ("documents",)

    def setup(self, documents):
        self.folder = tempfile.TemporaryDirectory()
        self.source = Path(self.folder.name, "documents.parquet")
        self.target = Path(self.folder.name, "sequences.parquet")
        make_documents(documents, 300)[1].to_frame().write_parquet(self.source)
        self.time_pack_tokens(documents)  # compile

    def teardown(self, documents):
        self.folder.cleanup()

    def time_pack_tokens(self, documents):
        corpus = pl.scan_parquet(self.source)
        fastpack.pack_tokens(
            corpus, context_length=2048, block_documents=20_000
        ).sink_parquet(self.target)

    def time_pass_through(self, documents):
        pl.scan_parquet(self.source).sink_parquet(self.target)

    def peakmem_pack_tokens(self, documents):
        self.time_pack_tokens(documents)
