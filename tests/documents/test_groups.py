"""Groups: what tells documents apart, and what cannot."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, DataTypeError
from fastpack.documents import groups
from fastpack.documents.groups import GroupEncoder


def test_groups_come_in_the_order_of_their_values():
    frame = pl.DataFrame({"lang": ["py", "c", "py", "c"], "n_tokens": [8, 4, 2, 4]})
    table = fastpack.pack(frame, context_length=8, by="lang", keep="lang")
    assert table["bin"].to_list() == [1, 0, 2, 0]
    plan = fastpack.plan(frame, context_length=8, by="lang")
    assert plan.groups["first_bin"].to_list() == [0, 1]
    assert plan.runs["lang"].to_list() == ["c", "py", "py"]
    assert plan.as_dict()["groups"][1]["lang"] == "py"


@pytest.mark.parametrize(
    "dtype",
    [
        pl.String,
        pl.Categorical,
        pl.Enum(["0", "1", "2"]),
        pl.Int8,
        pl.UInt64,
        pl.Boolean,
    ],
)
def test_groups_of_any_dtype(dtype):
    frame = pl.DataFrame({"by": [2, 0, 2, 1, 0], "n_tokens": [3, 3, 3, 3, 3]})
    values = pl.col("by") > 0 if dtype == pl.Boolean else pl.col("by")
    is_text = dtype in (pl.Categorical, pl.Enum)
    typed = frame.with_columns(values.cast(pl.String) if is_text else values)
    table = fastpack.pack(typed.cast({"by": dtype}), context_length=8, by="by")
    expected = [1, 0, 1, 2, 0] if dtype == pl.Boolean else [2, 0, 2, 1, 0]
    assert table["bin"].to_list() == expected


def test_many_groups():
    n = 3000
    frame = pl.DataFrame({"g": np.arange(n) % 1000, "n_tokens": np.full(n, 5)})
    for context_length, bins in ((8, n), (10, 2000), (2**21, 1000)):
        plan = fastpack.plan(frame, context_length=context_length, by="g")
        assert plan.n_bins == bins
        table = fastpack.pack(frame, context_length=context_length, by="g")
        assert table["bin"].n_unique() == bins


def test_no_documents_in_groups(tmp_path):
    empty = pl.DataFrame(schema={"g": pl.String, "n_tokens": pl.Int32})
    options = {"context_length": 8, "by": "g"}
    assert fastpack.pack(empty, **options).height == 0
    assert fastpack.pack(empty.lazy(), **options).collect().height == 0
    plan = fastpack.plan(empty, **options)
    assert plan.n_bins == plan.groups.height == 0
    plan.save(tmp_path / "plan.parquet")
    assert fastpack.PackingPlan.load(tmp_path / "plan.parquet").n_bins == 0


def test_groups_that_cannot_be():
    frame = pl.DataFrame({"g": ["a", None], "f": [0.5, 1], "n_tokens": [1, 2]})
    for data in (frame, frame.lazy()):

        def pack(by, data=data):
            table = fastpack.pack(data, context_length=8, by=by)
            return table.lazy().collect()

        with pytest.raises(DataError, match=r"`by` names a column that is absent: 'h'"):
            pack("h")
        with pytest.raises(DataError, match="'g' has nulls: 1, the first in row 1"):
            pack("g")
        with pytest.raises(
            DataTypeError, match="'f' cannot tell groups apart: it is F"
        ):
            pack("f")
    with pytest.raises(fastpack.OptionError, match="names that plans use themselves"):
        fastpack.pack(frame.rename({"g": "n_bins"}), context_length=8, by="n_bins")
    with pytest.raises(DataError, match="one column beside `by`, got"):
        fastpack.plan(frame.drop_nulls(), context_length=8, by="g")
    with pytest.raises(DataError, match="absent: 'source'"):
        fastpack.pack(np.array([1, 2]), context_length=8, by="source")


def test_odd_values_and_names_of_groups(tmp_path):
    least = pl.DataFrame({"g": [-(2**63), -(2**63) + 1], "n_tokens": [1, 1]})
    assert fastpack.pack(least, by="g", context_length=8)["bin"].to_list() == [0, 1]
    binary = pl.DataFrame({"g": [b"\xff"], "n_tokens": [1]})
    with pytest.raises(DataTypeError, match="cannot tell groups apart: it is Binary"):
        fastpack.plan(binary, by="g", context_length=8)
    names = ["0", "number", "\0group"]
    frame = pl.DataFrame({name: [1, 2] for name in names}).with_columns(n_tokens=3)
    for data in (frame, frame.lazy()):
        table = fastpack.pack(data, by=names, keep=names, context_length=8)
        assert table.lazy().collect()["bin"].to_list() == [0, 1]
    dates = pl.DataFrame({"g": pl.Series([1, 2]).cast(pl.Date), "n_tokens": [1, 1]})
    plan = fastpack.plan(dates, by="g", context_length=8)
    plan.save(tmp_path / "plan.parquet")
    loaded = fastpack.PackingPlan.load(tmp_path / "plan.parquet")
    assert loaded.groups.equals(plan.groups)
    assert plan.as_dict()["groups"][0]["g"] == "1970-01-02"


def test_strings_whose_hashes_agree(monkeypatch):
    def hashes(values):
        return (values.str.len_bytes() % 3).cast(pl.UInt64).to_numpy()

    by = pl.DataFrame({"source": ["web", "code", "a", "books", "web", "code"]})
    expected = GroupEncoder(by.clear()).learn(by)
    monkeypatch.setattr(groups._StringLookup, "_hashes", hashes)
    assert GroupEncoder(by.clear()).learn(by).tolist() == expected.tolist()
