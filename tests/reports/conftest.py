import polars as pl
import pytest


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.parquet"
    pl.DataFrame({"n_tokens": [9, 4, 300, 2] * 9}).write_parquet(path)
    return path
