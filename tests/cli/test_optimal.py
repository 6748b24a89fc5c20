"""--strategy optimal, of every command that has rules."""

import io
import json
import re

import numpy as np
import polars as pl
import pytest
from rich.console import Console

import fastpack
from command_line import fastpack_in_process
from corpora import report_of
from fastpack.cli import progress

_RNG = np.random.default_rng(8)
LENGTHS = np.clip(_RNG.normal(77, 13, 3000), 1, 256).astype(int)
RULES = ["--context-length", 256, "--strategy", "optimal"]
OPTIONS = {"context_length": 256, "strategy": "optimal"}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "documents.parquet"
    pl.DataFrame({"n_tokens": LENGTHS}).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def plan():
    return fastpack.plan(LENGTHS, **OPTIONS)


def without_seconds(described):
    return {key: value for key, value in described.items() if key != "seconds"}


def test_plan(source, plan, capsys):
    assert fastpack_in_process("plan", source, *RULES, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["figures"] == plan.figures()
    assert printed["options"] == plan.options.as_dict()
    expected = plan.certificate.as_dict()
    assert printed["certificate"].keys() == expected.keys()
    assert without_seconds(printed["certificate"]) == without_seconds(expected)
    quality = fastpack.quality(plan)
    assert without_seconds(printed["quality"]) == without_seconds(quality)
    more = ["--optimality-gap", "0.5", "--time-limit", "0"]
    assert fastpack_in_process("plan", source, *RULES, *more) == 0
    printed = capsys.readouterr()
    assert re.search(r"linear programs solved +│ +0 │", printed.out)
    assert re.search(r"search ended by +│ +gap │", printed.out)
    assert printed.err == ""


def test_best_fit_has_no_search(source, capsys):
    assert fastpack_in_process("plan", source, *RULES[:2], "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert "certificate" not in printed
    assert printed["quality"]["ended_by"] is None
    assert fastpack_in_process("plan", source, *RULES[:2]) == 0
    assert "search" not in capsys.readouterr().out


def test_pack_and_verify(source, plan, tmp_path, capsys):
    outputs = [tmp_path / "1.parquet", tmp_path / "2.parquet", f"{tmp_path}/folder/"]
    for output in outputs:
        assert fastpack_in_process("pack", source, *RULES, "--output", output) == 0
        command = ["verify", output, "--source", source, "--strategy", "optimal"]
        assert fastpack_in_process(*command) == 0
    assert re.search(
        r"Search\n.*\n.*0 % │\n│ ended by +│ gap │", capsys.readouterr().err
    )
    one, another, _ = outputs
    assert one.read_bytes() == another.read_bytes()
    table = pl.read_parquet(one)
    assert table.equals(fastpack.pack(LENGTHS, **OPTIONS))
    assert table.equals(pl.read_parquet(tmp_path / "folder/documents.parquet"))
    assert table["bin"].n_unique() == plan.n_bins
    capsys.readouterr()
    assert fastpack_in_process("verify", one, "--strategy", "best_fit") == 2
    assert "`strategy` was given as 'best_fit'" in capsys.readouterr().err


def test_compare(source, plan, capsys):
    assert fastpack_in_process("compare", source, *RULES, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    strategies = [row["strategy"] for row in rows]
    assert strategies == ["concatenate", "truncate", "best_fit", "optimal"]
    assert rows[-1]["n_bins"] == plan.n_bins < 0.98 * rows[-2]["n_bins"]
    table = fastpack.compare(LENGTHS, context_length=256, strategies=["optimal"])
    assert table.to_dicts() == rows[-1:]
    table = fastpack.compare(LENGTHS, **OPTIONS, strategies=["best_fit", "concatenate"])
    assert table.to_dicts() == [rows[2], rows[0]]


def test_report(plan):
    report = report_of(LENGTHS, [256], strategy="optimal")
    (section,) = report.sections
    text = " ".join(section.sentences)
    fewer = fastpack.plan(LENGTHS, context_length=256).n_bins - plan.n_bins
    assert f"Optimal packing makes {plan.n_bins:,}, {fewer:,} fewer than" in text
    assert "ended by the optimality gap" in text
    assert report.comparison["strategy"].to_list()[-1] == "optimal"


@pytest.mark.parametrize(
    "command",
    [
        ["pack", "--strategy", "best"],
        ["pack", "--time-limit", "-1"],
        ["pack", "--time-limit", "long"],
        ["pack", "--optimality-gap", "nan"],
    ],
)
def test_arguments_that_cannot_be_right(source, tmp_path, capsys, command):
    command += [source, "--context-length", 8, "--output", tmp_path / "out.parquet"]
    try:
        code = fastpack_in_process(*command)
    except SystemExit as error:  # of argparse
        code = error.code
    assert code != 0
    text = capsys.readouterr().err
    assert command[1].lstrip("-").replace("-", "[-_]") in text or command[2] in text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("plan", r"search +━+ 896 sequences, 0 % above the bound +0:00:0\d"),
        ("compare", r"search +━+ 896 sequences, 0 % above the bound"),
        ("pack", r"plan +━+ 0 % above the bound"),
    ],
)
def test_a_search_on_a_terminal(source, tmp_path, monkeypatch, command, shown):
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    output = ["--output", f"{tmp_path}/out/"] if command == "pack" else []
    assert fastpack_in_process(command, source, *RULES, *output) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert re.search(shown, text), text


@pytest.mark.parametrize("command", ["plan", "compare"])
def test_a_search_that_the_clock_has_ended(source, capsys, command):
    fastpack_in_process(command, source, *RULES, "--time-limit", "0")
    assert (
        "the search at 256 tokens was ended by --time-limit" in capsys.readouterr().err
    )
    fastpack_in_process(command, source, *RULES)
    assert "ended by --time-limit" not in capsys.readouterr().err
