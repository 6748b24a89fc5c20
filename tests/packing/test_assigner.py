"""Tables of rows: several of them give what one does."""

import numpy as np
import polars as pl
import pytest

import fastpack
from oracle import Rules, check_assignment


@pytest.mark.slow
def test_several_tables_of_rows_with_and_without_nulls(small_batches):
    small_batches(table=5000, array=7000)
    rng = np.random.default_rng(5)
    lengths = rng.integers(1, 3000, 20_000)
    frame = pl.DataFrame({"n_tokens": lengths, "id": np.arange(20_000)[::-1].copy()})
    for smallest in (1, 0):
        lengths[17] = smallest
        whole = fastpack.pack(frame, context_length=1000)
        check_assignment(whole, frame["n_tokens"], Rules(1000))
        assert whole.n_chunks() > 4
        kept = fastpack.pack(frame, context_length=1000, keep="id")
        ids = frame["id"].gather(whole["document"])
        assert kept.equals(whole.drop("document").insert_column(0, ids))
        frame = frame.with_columns(n_tokens=pl.Series(lengths))
