"""What the README shows is what happens."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from fastpack.cli.main import main

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(*languages):
    return [
        (language, code)
        for language, code in BLOCK.findall(README.read_text("utf-8"))
        if language in languages
    ]


@pytest.fixture
def in_the_demo(tmp_path, monkeypatch):
    """Make the folder of the demo, as the README does, and go there."""
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    monkeypatch.chdir("fastpack-demo")


def written():
    """Return the bytes of all files but locks."""
    return {
        path: path.read_bytes()
        for path in Path().rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_the_examples_run_one_after_the_other(in_the_demo):
    pytest.importorskip("altair")
    names, printed, files = {}, [], written()
    for language, code in blocks("python", "text", "console"):
        if language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(code, names)
            printed += [output.getvalue()] if output.getvalue() else []
        elif language == "text":
            if printed:
                assert code == printed.pop(0)
        elif "fastpack demo" not in code:
            for command in commands_of(code):
                assert main(command) == 0, command
        # No example writes what another one has written.
        assert files.items() <= written().items()
        files = written()
    assert printed == []
    # Whichever way the corpus is packed, the table is that of the demo.
    table = pl.read_parquet("assignment.parquet")
    for path in ("lazy.parquet", "packed/*.parquet", "assignment/*.parquet"):
        assert pl.read_parquet(path).equals(table)
    assert Path("report.html").exists()


def test_the_training_sequences(in_the_demo):
    names = {}
    for _, code in blocks("python"):
        exec(code, names)
    sequences = names["sequences"]
    assert sequences["input_ids"].to_list() == [[1] * 8, [1] * 8, [1] * 4 + [2, 3, 4]]
    assert sequences["doc_id"].to_list() == [["a"], ["a"], ["a", "b"]]
    assert names["figures"]["unchecked"] == []
    sunk = pl.read_parquet("sequences.parquet")
    assert sunk["input_ids"].equals(sequences["input_ids"])


def commands_of(console):
    """Return the arguments of each command in a block."""
    lines = console.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ fastpack ")]


def test_ten_lines_of_python():
    first = blocks("python")[0][1]
    assert len(first.strip().splitlines()) <= 10


def test_every_command_is_shown():
    from fastpack.cli.commands import COMMANDS

    console = "".join(code for _, code in blocks("console"))
    assert set(re.findall(r"fastpack ([a-z-]+)\b", console)) == set(COMMANDS)


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 400


def test_one_command_runs_the_tests():
    (command,) = [code.strip() for _, code in blocks("sh")]
    assert command == "pip install '.[test]' && pytest"


@pytest.mark.parametrize("word", ["FIGURES", "TODO"])
def test_nothing_is_left_to_fill_in(word):
    assert word not in README.read_text("utf-8")
