"""The command line: exit codes, and what is imported when."""

import subprocess
import sys

import pytest

import fastpack
from command_line import FRAME, fastpack_in_process, run
from fastpack.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--context-length", 0], 2, "1 to 2**31 - 1, got '0'"),
        (["--context-length", "2048.5"], 2, "got '2048.5'"),
        (["--context-length", 2**31], 2, "got '2147483648'"),
        ([], 2, "--context-length"),
        (["--context-length", 8, "--length", "a", "--tokens", "b"], 2, "not allowed"),
        (["--context-length", 8, "--long-documents", "cut"], 2, "invalid choice"),
        (["--context-length", 8, "--keep", "bin"], 1, "names a column that is absent"),
        (["--context-length", 8, "--length", "n"], 1, "'doc_id', 'n_tokens', 'other'"),
        (["--context-length", 8, "--length", "doc_id"], 1, "must hold integers, got"),
        (["--context-length", 5, "--long-documents", "error"], 1, "3 documents are"),
    ],
)
def test_exit_codes(source, tmp_path, capsys, arguments, code, message):
    output = tmp_path / "out.parquet"
    try:
        result = fastpack_in_process("pack", source, "--output", output, *arguments)
    except SystemExit as stop:  # argparse
        result = stop.code
    assert result == code
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_exit_codes_of_sources_and_outputs(source, tmp_path, capsys):
    length = ["--context-length", 8]
    output = ["--output", tmp_path / "out.parquet"]
    assert fastpack_in_process("pack", tmp_path / "*.csv", *length, *output) == 1
    assert fastpack_in_process("pack", tmp_path / "no.csv", *length, *output) == 1
    folder = ["--output", tmp_path / "absent/out.parquet"]
    assert fastpack_in_process("pack", source, *length, *folder) == 1
    assert fastpack_in_process("pack", source, *length, "--output", "out.csv") == 2
    assert fastpack_in_process("pack", source, *length, "--output", source) == 1
    clash = FRAME.rename({"other": "bin"})
    clash.write_parquet(source)
    keep = ["--keep", "bin"]
    assert fastpack_in_process("pack", source, *length, *output, *keep) == 2
    assert "Hint: rename them" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["documents.parquet"]


def test_options_are_not_shortened(source, capsys):
    with pytest.raises(SystemExit) as left:
        fastpack_in_process("plan", source, "--context", "8")
    assert left.value.code == 2
    assert "--context-length" in capsys.readouterr().err


def test_help_and_version():
    for arguments in (
        ["--help"],
        ["pack", "--help"],
        ["plan", "--help"],
        ["demo", "--help"],
    ):
        shown = run(*arguments)
        assert shown.returncode == 0
        assert "usage: fastpack" in shown.stdout
    assert run("--version").stdout.strip() == fastpack.__version__
    assert run().returncode == 2


def test_help_and_import_wait_for_no_library():
    script = (
        "import sys, fastpack\n"
        "from fastpack.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('numba', 'numpy', 'polars', 'rich')"
        " if name in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert shown.stderr == "[]\n"


def test_console_script_is_installed():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="fastpack")
    assert script.load() is main


def test_interrupted(source, tmp_path, capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastpack.cli.commands.write_parquet", interrupt)
    output = tmp_path / "out.parquet"
    arguments = ["pack", source, "--context-length", 8, "--output", output]
    assert fastpack_in_process(*arguments) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--keep", "id", "a.csv"], "--keep takes all names behind it; the sources go"),
        (["a.csv", "--context_length", 8], "no option; did you mean --context-length?"),
        (["a.csv"], None),
    ],
)
def test_hints_for_missing_arguments(capsys, arguments, hint):
    with pytest.raises(SystemExit) as stop:
        fastpack_in_process("pack", *arguments, "--output", "out/")
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert ("Hint: " in message) == (hint is not None)
    assert (hint or "required: --context-length") in message


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        (
            "--contextlength",
            "is no option; did you mean --context-length?",
        ),
        ("--format", "is no option; did you mean --source-format?"),
        ("-q", None),
    ],
)
def test_hints_for_unknown_options(capsys, option, hint):
    arguments = ["pack", "a.csv", "--context-length", 8, "--output", "out/"]
    with pytest.raises(SystemExit) as stop:
        fastpack_in_process(*arguments, option, 8)
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert f"fastpack pack: error: unrecognized arguments: {option} 8" in message
    assert (hint or "unrecognized") in message
    assert ("Hint: " in message) == (hint is not None)


def test_a_hint_before_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fastpack", "--verison"])
    with pytest.raises(SystemExit):
        main()
    assert "did you mean --version?" in capsys.readouterr().err


def test_keep_names_with_commas(source, tmp_path, capsys):
    pack = ["pack", source, "--context-length", 8, "--output", tmp_path / "a.parquet"]
    assert fastpack_in_process(*pack, "--keep", "doc_id,other") == 1
    assert "name each by itself, on the command line with" in capsys.readouterr().err


def test_runs_that_are_complete_already(source, tmp_path, capsys):
    pack = ["pack", source, "--context-length", 8, "--output", f"{tmp_path}/out/"]
    assert fastpack_in_process(*pack) == 0
    assert f"wrote {tmp_path}/out/" in capsys.readouterr().err
    assert fastpack_in_process(*pack) == 0
    told = capsys.readouterr().err
    assert f"{tmp_path}/out/ is complete already: nothing was written" in told
    assert "wrote" not in told
    assert fastpack_in_process(*pack, "--overwrite") == 0
    assert f"wrote {tmp_path}/out/" in capsys.readouterr().err
