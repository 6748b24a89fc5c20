"""Files of plans: they give the plan back, or are refused."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, OutputExistsError, SourceNotFoundError


def test_plan_files(tmp_path):
    path = tmp_path / "plan.parquet"
    lengths = np.random.default_rng(0).integers(0, 5000, 3000)
    plan = fastpack.plan(lengths, context_length=1000, long_documents="truncate")
    plan.save(path)
    loaded = fastpack.PackingPlan.load(str(path))
    assert loaded.figures() == plan.figures()
    assert loaded.options == plan.options
    assert loaded.histogram == plan.histogram
    assert loaded.assign(lengths).equals(plan.assign(lengths))
    assert pl.read_parquet(path).equals(plan.runs)
    with pytest.raises(OutputExistsError, match="exists already"):
        plan.save(path)
    plan.save(path, overwrite=True)
    empty = fastpack.plan(np.array([], np.int64), context_length=8)
    empty.save(path, overwrite=True)
    assert fastpack.PackingPlan.load(path).n_bins == 0
    assert [file.name for file in tmp_path.iterdir()] == ["plan.parquet"]


def test_files_that_are_no_plans(tmp_path):
    path = tmp_path / "plan.parquet"
    with pytest.raises(SourceNotFoundError, match="no file of a plan"):
        fastpack.PackingPlan.load(path)
    path.write_text("no")
    with pytest.raises(DataError, match="not the file of a plan"):
        fastpack.PackingPlan.load(path)
    plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
    plan.runs.write_parquet(path)
    with pytest.raises(DataError, match="a plan: it does not hold 'histogram'"):
        fastpack.PackingPlan.load(path)
    plan.save(path, overwrite=True)
    metadata = pl.read_parquet_metadata(path)
    plan.runs.reverse().write_parquet(path, metadata={"fastpack": metadata["fastpack"]})
    with pytest.raises(DataError, match=r"the runs in .* are not those that fastpack"):
        fastpack.PackingPlan.load(path)
    for old, new, message in (
        ('"context_length": 8, ', "", "not the file of a plan"),
        ('"align": 1', '"align": 0', "not the file of a plan"),
        ("context_length", "context", r"rules that .* does not know: \['context'\]"),
    ):
        other = metadata["fastpack"].replace(old, new)
        assert other != metadata["fastpack"]
        plan.runs.write_parquet(path, metadata={"fastpack": other})
        with pytest.raises(DataError, match=message):
            fastpack.PackingPlan.load(path)


def test_the_plan_in_a_folder_of_pack_files(tmp_path):
    source, target = tmp_path / "a.parquet", tmp_path / "out"
    pl.DataFrame({"n_tokens": [8, 6, 6]}).write_parquet(source)
    plan = fastpack.pack_files(source, target, context_length=8)
    assert fastpack.PackingPlan.load(target).figures() == plan.figures()
    with pytest.raises(SourceNotFoundError, match="no file of a plan"):
        fastpack.PackingPlan.load(tmp_path)
