"""fastpack.pack_files: Parquet files in, Parquet files out."""

import shutil
import tempfile
from pathlib import Path

import polars as pl

import fastpack

from .distributions import DOCUMENTS, make_lengths

SHARDS = 8


class PackFiles:
    """Two passes through an executor, beside Polars passing the assignment through."""

    params = (DOCUMENTS,)
    param_names = ("documents",)

    def setup(self, documents):
        self.folder = tempfile.TemporaryDirectory()
        self.corpus = Path(self.folder.name, "corpus")
        self.target = Path(self.folder.name, "target")
        self.passed = Path(self.folder.name, "passed")
        self.corpus.mkdir()
        self.passed.mkdir()
        lengths = pl.Series("n_tokens", make_lengths("web", documents))
        rows = -(-documents // SHARDS)
        for number in range(SHARDS):
            shard = lengths[number * rows : (number + 1) * rows].to_frame()
            shard.write_parquet(self.corpus / f"part-{number}.parquet")
        self.time_pack_files(documents)  # compile, and make what is passed through

    def teardown(self, documents):
        self.folder.cleanup()

    def time_pack_files(self, documents):
        fastpack.pack_files(
            self.corpus, self.target, context_length=2048, overwrite=True
        )

    def time_pass_through(self, documents):
        for path in self.target.glob("*.parquet"):
            pl.scan_parquet(path).sink_parquet(self.passed / path.name)

    def peakmem_pack_files(self, documents):
        shutil.rmtree(self.target)
        fastpack.pack_files(self.corpus, self.target, context_length=2048)
