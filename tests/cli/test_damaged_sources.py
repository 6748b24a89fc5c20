"""Files that are damaged behind their header: every command names the one that is."""

import polars as pl
import pytest

from command_line import fastpack_in_process

TOKENS = pl.DataFrame({"input_ids": [list(range(n)) for n in (8, 6, 6, 4)]})
DOCUMENTS = TOKENS.select(pl.col("input_ids").list.len().alias("n_tokens"), "input_ids")


def damage(path):
    """Overwrite the pages of a Parquet file; its footer stays."""
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes(200) + data[204:])


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(3):
        DOCUMENTS.write_parquet(folder / f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize("command", ["plan", "compare", "report", "verify"])
def test_a_source_that_is_damaged(corpus, tmp_path, capsys, command):
    if command == "report":
        pytest.importorskip("altair")
    rules = ["--context-length", 8]
    packed = ["pack", corpus, *rules, "--output", f"{tmp_path}/out/", "--quiet"]
    assert fastpack_in_process(*packed) == 0
    damage(corpus / "part-1.parquet")
    arguments = {
        "report": [corpus, *rules, "--output", tmp_path / "report.html"],
        "verify": [tmp_path / "out", "--source", corpus],
    }
    found = fastpack_in_process(command, *arguments.get(command, [corpus, *rules]))
    assert found == 1
    assert f"{corpus}/part-1.parquet cannot be read" in capsys.readouterr().err


def test_a_source_of_tokens_that_is_damaged(corpus, tmp_path, capsys):
    output = tmp_path / "sequences"
    packed = ["pack-tokens", corpus, "--context-length", 8, "--output", output]
    assert fastpack_in_process(*packed, "--quiet") == 0
    source = corpus / "part-1.parquet"
    other = DOCUMENTS.with_columns(pl.col("input_ids").cast(pl.List(pl.Int16)))
    for spoil, message in (
        (damage, f"{source} cannot be read as .parquet"),
        (other.write_parquet, "'input_ids' is List(Int16) here, List(Int64) in the"),
        (
            TOKENS.rename({"input_ids": "ids"}).write_parquet,
            f"{source}: `tokens` names",
        ),
    ):
        spoil(source)
        assert fastpack_in_process("verify-tokens", output) == 1
        assert message in capsys.readouterr().err


def test_an_assignment_that_is_damaged(corpus, tmp_path, capsys):
    output = tmp_path / "assignment.parquet"
    packed = ["pack", corpus, "--context-length", 8, "--output", output, "--quiet"]
    assert fastpack_in_process(*packed) == 0
    damage(output)
    assert fastpack_in_process("verify", output) == 1
    assert f"{output} cannot be read as .parquet" in capsys.readouterr().err


def test_the_format_that_was_named_is_named(corpus, tmp_path, capsys):
    output = f"{tmp_path}/out/"
    packed = ["pack", corpus, "--context-length", 8, "--output", output, "--quiet"]
    assert fastpack_in_process(*packed) == 0
    source = tmp_path / "documents.csv"
    DOCUMENTS.select("n_tokens").write_csv(source)
    named = ["--source", source, "--source-format", "parquet"]
    assert fastpack_in_process("verify", output, *named) == 1
    assert "the format is named (--source-format)" in capsys.readouterr().err
