"""The formats on the command line."""

import json

import pytest

from command_line import FRAME, fastpack_in_process
from format_files import DOCUMENTS, OWNERS


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("plan", ["--context-length", 24]),
        ("compare", ["--context-length", 24]),
        ("report", ["--output", "report.html"]),
    ],
)
def test_commands_read_formats(tmp_path, monkeypatch, capsys, command, options):
    monkeypatch.chdir(tmp_path)
    printed = []
    as_json = [] if command == "report" else ["--json"]
    for source in (
        [OWNERS / "megatron.idx"],
        [OWNERS / "huggingface", "--tokens", "input_ids"],
        [OWNERS / "offsets.npy", "--source-format", "npy-offsets"],
    ):
        arguments = [command, *source, *options, *as_json, "--overwrite"]
        if command != "report":
            arguments.remove("--overwrite")
        assert fastpack_in_process(*arguments) == 0
        printed.append(capsys.readouterr().out)
    assert len(set(printed)) == 1


def test_pack_and_verify(tmp_path, capsys):
    source = [OWNERS / "olmo.npy", "--source-format", "olmo:dtype=uint16,end=0"]
    output = f"{tmp_path}/out/"
    packed = ["--context-length", 24, "--output", output, "--json"]
    assert fastpack_in_process("pack", *source, *packed) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["n_documents"] == len(DOCUMENTS)
    assert fastpack_in_process("verify", output, "--source", *source) == 0
    source = [source[0], "--source-format", "flat:dtype=uint16,end=7"]
    assert fastpack_in_process("verify", output, "--source", *source) == 1


def test_pack_tokens_and_convert(tmp_path):
    source = [OWNERS / "olmo.npy", "--source-format", "olmo:dtype=uint16,end=0"]
    options = ["--context-length", 24, "--pad-id", 0]
    packed, output = f"{tmp_path}/packed/", tmp_path / "train.idx"
    arguments = ["pack-tokens", *source, *options, "--output", packed]
    assert fastpack_in_process(*arguments) == 0
    assert fastpack_in_process("convert", packed, "--output", output) == 0
    assert fastpack_in_process("plan", output, "--context-length", 24) == 0


def test_a_format_that_does_not_exist(capsys):
    arguments = ["plan", OWNERS / "olmo.npy", "--context-length", 24]
    assert fastpack_in_process(*arguments, "--source-format", "olm") == 2
    assert "names no format that is known: 'olm'" in capsys.readouterr().err


def test_a_named_format_limits_the_sources_of_a_folder(tmp_path, capsys):
    FRAME.write_parquet(tmp_path / "a.parquet")
    code = fastpack_in_process(
        "convert", tmp_path, "--source-format", "arrow", "--output", tmp_path / "a.idx"
    )
    assert code == 1
    assert "limits sources to .arrow, .feather, .ipc;" in capsys.readouterr().err


def test_a_named_format_is_named_in_errors(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("n_tokens\n1\n")
    source = ("plan", tmp_path / "a.csv", "--context-length", 8)
    assert fastpack_in_process(*source, "--source-format", "parquet") == 1
    printed = capsys.readouterr().err
    assert "a.csv cannot be read as parquet: " in printed
    assert "the format is named (--source-format)" in printed


def test_names_of_files_are_no_folders(tmp_path, capsys):
    FRAME.write_parquet(tmp_path / "a.parquet")
    source = (tmp_path / "a.parquet", "--context-length", 8, "--output")
    with pytest.raises(SystemExit, match="2"):
        fastpack_in_process("pack-tokens", *source, tmp_path / "b.parquet")
    assert "is a folder, got the name of a file" in capsys.readouterr().err
    output = tmp_path / "report.html"
    assert fastpack_in_process("report", *source, output, "--output-format", "svg") == 2
    assert "charts as svg go into a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
