"""Groups: what tells documents apart, and what cannot."""

import json

import numpy as np
import polars as pl
import pytest

import fastpack
from command_line import fastpack_in_process
from fastpack import DataError, DataTypeError, OptionError
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


TYPES_OF_GROUPS = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128),
    *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128),
    *(pl.Boolean, pl.String, pl.Categorical, pl.Enum(["0", "1"])),
    *(pl.Date, pl.Time),
    *(pl.Datetime(unit) for unit in ("ms", "us", "ns")),
    pl.Datetime("us", "Europe/Paris"),
]


def two_groups(dtype):
    values = pl.Series("g", [1, 0, 1, 0])
    if dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        values = values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.DataFrame({"g": values.cast(dtype), "n_tokens": [3, 9, 3, 3]})


@pytest.mark.parametrize("dtype", TYPES_OF_GROUPS, ids=str)
def test_groups_of_a_type_work_in_all_places(dtype, tmp_path, capsys):
    frame = two_groups(dtype)
    rules = {"context_length": 8, "by": "g"}
    table = fastpack.pack(frame, **rules)
    assert table["bin"].to_list() == [2, 0, 1, 2, 1]
    assert fastpack.pack(frame.lazy(), **rules).collect().equals(table)
    assert fastpack.verify(table, frame, **rules)["groups_checked"]
    kept = fastpack.pack(frame, **rules, keep="g")
    assert fastpack.verify(kept, frame["n_tokens"], **rules)["groups_checked"]

    plan = fastpack.plan(frame, **rules)
    assert plan.assign(frame).equals(table)
    plan.save(tmp_path / "plan.parquet")
    loaded = fastpack.PackingPlan.load(tmp_path / "plan.parquet")
    assert loaded.histogram == plan.histogram
    assert (plan.histogram + plan.histogram).n_documents == 8
    described = json.loads(json.dumps(plan.as_dict()))
    assert len({str(group["g"]) for group in described["groups"]}) == 2

    corpus, target = tmp_path / "corpus", tmp_path / "assignment"
    corpus.mkdir()
    frame[:2].write_parquet(corpus / "1.parquet")
    frame[2:].write_parquet(corpus / "2.parquet")
    fastpack.pack_files(corpus, target, **rules)
    assert pl.read_parquet(target / "*.parquet").equals(table)
    rules = ["--context-length", 8, "--by", "g"]
    one = tmp_path / "one.parquet"
    assert fastpack_in_process("pack", corpus, "--output", one, *rules) == 0
    assert pl.read_parquet(one).equals(table)
    for output in (target, one):
        assert fastpack_in_process("verify", output, "--source", corpus) == 0
    assert fastpack_in_process("compare", corpus, *rules) == 0
    capsys.readouterr()
    assert fastpack_in_process("plan", corpus, "--json", *rules) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["groups"] == described["groups"]


OTHER_TYPES = [
    *(pl.Float32, pl.Float64, pl.Decimal(10, 2), pl.Binary),
    *(pl.Duration(unit) for unit in ("ms", "us", "ns")),
    *(pl.List(pl.Int64), pl.Array(pl.Int64, 1), pl.Struct({"a": pl.Int64}), pl.Object),
]


@pytest.mark.parametrize("dtype", OTHER_TYPES, ids=str)
def test_groups_of_other_types_are_refused_at_once(dtype, tmp_path, capsys):
    empty = pl.DataFrame(schema={"g": dtype, "n_tokens": pl.Int64})
    rules = {"context_length": 8, "by": "g"}
    message = "'g' cannot tell groups apart: it is"
    for call in (
        lambda: fastpack.pack(empty, **rules),
        lambda: fastpack.pack(empty.lazy(), **rules),
        lambda: fastpack.plan(empty, **rules),
        lambda: fastpack.compare(empty, **rules),
        lambda: fastpack.GroupedHistogram(empty.select("g"), []),
    ):
        with pytest.raises(DataTypeError, match=message):
            call()
    if dtype != pl.Object:  # no file holds such
        source = tmp_path / "corpus.parquet"
        empty.write_parquet(source)
        with pytest.raises(DataTypeError, match=message):
            fastpack.pack_files(source, tmp_path / "out", **rules)
        rules = ["--context-length", 8, "--by", "g"]
        for command in ("plan", "compare"):
            assert fastpack_in_process(command, source, *rules) == 1
            assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["*", "^g$", "^.*$"])
def test_names_of_groups_that_polars_takes_for_patterns(name):
    frame = pl.DataFrame({name: ["b", "a"], "g": ["a", "a"], "n_tokens": [3, 3]})
    for data in (frame, frame.lazy()):
        with pytest.raises(OptionError, match="Polars takes for patterns"):
            fastpack.pack(data, context_length=8, by=name)
    with pytest.raises(DataError, match="absent"):
        fastpack.pack(frame.select("g", "n_tokens"), context_length=8, by=name)


@pytest.mark.parametrize("rules", [{}, {"bins_multiple": 3}, {"shuffle_seed": 1}])
def test_the_first_bin_of_a_group_is_true_or_null(rules):
    frame = pl.DataFrame(
        {"g": np.arange(300) % 7, "n_tokens": np.arange(300) * 37 % 20}
    )
    rules = {"context_length": 16, "by": "g", **rules}
    groups = fastpack.plan(frame, **rules).groups
    rows = fastpack.pack(frame, **rules, keep="g")
    expected = rows.group_by("g").agg(pl.col("bin").min()).sort("g")["bin"].to_list()
    if "shuffle_seed" in rules:
        assert sorted(expected) != expected
        expected = [None] * 7
    assert groups["first_bin"].to_list() == expected
    assert groups.schema["first_bin"] == pl.Int64
    described = fastpack.plan(frame, **rules).as_dict()["groups"]
    assert [group["first_bin"] for group in described] == expected


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
    with pytest.raises(fastpack.OptionError, match="that tables of plans have"):
        fastpack.pack(frame.rename({"g": "n_bins"}), context_length=8, by="n_bins")
    unnamed = frame.drop_nulls().rename({"n_tokens": "n"})
    with pytest.raises(DataError, match="one column beside `by`, got"):
        fastpack.plan(unnamed, context_length=8, by="g")
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
