"""What the README shows is what happens."""

import contextlib
import io
import re
from pathlib import Path

import polars as pl
import pytest

import fastpack

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(*languages):
    return [
        (language, code)
        for language, code in BLOCK.findall(README.read_text("utf-8"))
        if language in languages
    ]


def test_python_blocks_print_the_text_blocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    corpus = pl.DataFrame({"doc_id": ["x", "y"], "n_tokens": [3000, 7]})
    corpus.write_parquet("corpus/part-1.parquet")
    names = {}
    printed = []
    for language, code in blocks("python", "text"):
        if language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(code, names)
            printed += [output.getvalue()] if output.getvalue() else []
        elif printed:
            assert code == printed.pop(0)
    assert printed == []
    expected = fastpack.pack(corpus, context_length=2048, keep="doc_id")
    assert pl.read_parquet("assignment.parquet").equals(expected)


def test_ten_lines_of_python():
    first = blocks("python")[0][1]
    assert len(first.strip().splitlines()) <= 10


def test_commands_parse():
    from fastpack.cli.arguments import make_parser

    commands = " ".join(code for _, code in blocks("console")).replace("\\\n", " ")
    lines = re.findall(
        r"fastpack ((?:pack|plan|demo|compare|report|verify)\b.*)", commands
    )
    assert len(lines) == 6
    for line in lines:
        words = [word.strip("'") for word in line.split()]
        make_parser().parse_args(words)


def test_one_command_runs_the_tests():
    (command,) = [code.strip() for _, code in blocks("sh")]
    assert command == "pip install '.[test]' && pytest"


@pytest.mark.parametrize("word", ["FIGURES", "TODO"])
def test_nothing_is_left_to_fill_in(word):
    assert word not in README.read_text("utf-8")
