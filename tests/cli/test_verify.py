"""The command `verify`: rules that are given, what is not checked, files of others."""

import json

import polars as pl
import pytest

import fastpack
from command_line import FRAME, fastpack_in_process


def test_verify_by_rules_that_are_given(tmp_path, capsys):
    table = fastpack.pack(FRAME, context_length=8, extra_tokens=1, by="doc_id")
    path, source = tmp_path / "one.parquet", tmp_path / "documents.parquet"
    table.write_parquet(path)
    FRAME.write_parquet(source)
    verify = ["verify", path, "--context-length", 8]
    right = ["--extra-tokens", 1, "--by", "doc_id", "--source", source]
    assert fastpack_in_process(*verify, *right) == 0
    assert "Not checked" not in capsys.readouterr().out
    assert fastpack_in_process(*verify, *right, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (
        printed["options"]
        == fastpack.PackingOptions(
            context_length=8, extra_tokens=1, by="doc_id"
        ).as_dict()
    )
    assert printed["figures"]["unchecked"] == []
    assert fastpack_in_process(*verify) == 1
    assert "is shorter than it has to be: in row 1" in capsys.readouterr().err
    # A column that is nowhere is a wrong word, if no file says that it was packed so.
    assert fastpack_in_process(*verify, "--extra-tokens", 1, "--by", "nowhere") == 1
    assert "`by` names columns that `lengths` does not" in capsys.readouterr().err
    assert fastpack_in_process(*verify, "--align", 3) == 2
    assert "`align` must divide `context_length`" in capsys.readouterr().err


def test_verify_by_rules_that_contradict_those_of_the_files(tmp_path, capsys):
    corpus, one, folder = (
        tmp_path / "corpus",
        tmp_path / "one.parquet",
        tmp_path / "out",
    )
    corpus.mkdir()
    FRAME.write_parquet(corpus / "part.parquet")
    pack = ["pack", corpus, "--context-length", 8, "--by", "doc_id", "--quiet"]
    assert fastpack_in_process(*pack, "--output", one) == 0
    assert fastpack_in_process(*pack, "--output", f"{folder}/") == 0
    for path in (one, folder):
        same = ["--context-length", 8, "--by", "doc_id", "--align", 1]
        assert fastpack_in_process("verify", path, *same) == 0
        # The files know the rule, and not the groups: what is unchecked is said.
        assert "groups, and the order of bins: not given is 'doc_id'" in (
            capsys.readouterr().out
        )
        for other, message in (
            (["--context-length", 9], "`context_length` was given as 9"),
            (["--align", 2], f"`align` was given as 2, and {path} was packed with 1"),
            (["--by", "n_tokens"], "given as ['n_tokens'], and"),
            (["--shuffle-seed", 0], "was packed with None"),
            (["--long-documents", "drop"], "was packed with 'split'"),
        ):
            assert fastpack_in_process("verify", path, *other) == 2
            assert message in capsys.readouterr().err


def test_verify_says_what_it_did_not_check(tmp_path, capsys):
    table = fastpack.pack(
        FRAME.rename({"doc_id": "[bold]id"}), context_length=8, keep="[bold]id"
    )
    table.write_parquet(tmp_path / "one.parquet")
    assert (
        fastpack_in_process("verify", tmp_path / "one.parquet", "--context-length", 8)
        == 0
    )
    printed = capsys.readouterr()
    shown = printed.out.split("Not checked")[1]
    assert "lengths of the documents: not given" in shown
    assert "names of the documents: only the assignment has '[bold]id'" in shown
    assert printed.err.startswith("verified ")


def test_verify_a_folder_with_files_of_others(tmp_path, capsys):
    corpus, target = tmp_path / "corpus", tmp_path / "out"
    (corpus / "a").mkdir(parents=True)
    FRAME.write_parquet(corpus / "a/part-1.parquet")
    FRAME.write_parquet(corpus / "part-2.parquet")
    pack = ["pack", corpus / "a", corpus / "part-2.parquet", "--context-length", 8]
    assert fastpack_in_process(*pack, "--output", f"{target}/", "--quiet") == 0
    (target / "notes.txt").write_text("these are no rows")
    (target / "empty.parquet").mkdir()
    assert fastpack_in_process("verify", target) == 0
    for name in ("a/part-3.parquet", "part-0.PARQUET", "b/part.pq"):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes((target / "part-2.parquet").read_bytes())
        capsys.readouterr()
        assert fastpack_in_process("verify", target) == 1
        assert f"files that are none of its run: 1, the first {name}" in (
            capsys.readouterr().err
        )
        (target / name).unlink()


def test_verify_a_folder_of_which_a_byte_was_changed(tmp_path, capsys):
    # In a column that identifies documents: the rows are as right as before.
    corpus, target = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    FRAME.write_parquet(corpus / "part.parquet")
    pack = ["pack", corpus, "--context-length", 8, "--keep", "doc_id", "--quiet"]
    assert fastpack_in_process(*pack, "--output", f"{target}/") == 0
    part = target / "part.parquet"
    table, metadata = pl.read_parquet(part), pl.read_parquet_metadata(part)
    size = part.stat().st_size
    table.with_columns(pl.col("doc_id").replace("a", "x")).write_parquet(
        part, metadata={"fastpack": metadata["fastpack"]}, row_group_size=1 << 18
    )
    assert part.stat().st_size == size
    assert fastpack_in_process("verify", part) == 0  # nothing to compare it with
    capsys.readouterr()
    assert fastpack_in_process("verify", target) == 1
    printed = capsys.readouterr().err
    assert "was changed: its bytes are not those that were written" in printed


def test_verify_the_file_of_one_source_among_several(tmp_path, capsys):
    corpus, target = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    for name in ("part-1", "part-2"):
        FRAME.write_parquet(corpus / f"{name}.parquet")
    pack = ["pack", corpus, "--context-length", 8, "--quiet"]
    assert fastpack_in_process(*pack, "--output", f"{target}/") == 0
    assert fastpack_in_process("verify", target / "part-1.parquet") == 2
    printed = capsys.readouterr().err
    assert "has the rows of one source among several" in printed
    assert "verify the folder that fastpack pack wrote" in printed


def test_verify_a_file_of_a_version_with_other_rules(tmp_path, capsys):
    source, one = tmp_path / "documents.parquet", tmp_path / "one.parquet"
    FRAME.write_parquet(source)
    pack = ["pack", source, "--context-length", 8, "--quiet", "--output", one]
    assert fastpack_in_process(*pack) == 0
    metadata = pl.read_parquet_metadata(one)["fastpack"]
    later = metadata.replace('"align"', '"rule_of_later": 3, "align"')
    pl.read_parquet(one).write_parquet(one, metadata={"fastpack": later})
    assert fastpack_in_process("verify", one) == 1
    assert "does not know: ['rule_of_later']" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_names_are_compared_with_those_of_the_sources(tmp_path, capsys, suffix):
    for lang, names in (("de", ["a", "b"]), ("en", ["c", "d"])):
        folder = tmp_path / "corpus" / f"lang={lang}"
        folder.mkdir(parents=True)
        frame = pl.DataFrame({"n_tokens": [5, 20], "id": names})
        getattr(frame, f"write_{suffix}")(folder / f"1.{suffix}")
    corpus, path = tmp_path / "corpus", tmp_path / "one.parquet"
    pack = ["pack", corpus, "--context-length", 8, "--keep", "id", "lang", "--quiet"]
    assert fastpack_in_process(*pack, "--output", path) == 0
    verify = ["verify", path, "--context-length", 8, "--source", corpus]
    assert fastpack_in_process(*verify) == 0
    assert "Not checked" not in capsys.readouterr().out
    table = pl.read_parquet(path)
    table.with_columns(lang=pl.lit("de")).write_parquet(path)
    assert fastpack_in_process(*verify) == 1
    assert "has the 'lang' 'de', and 'en' among the lengths" in capsys.readouterr().err


def test_files_that_are_no_assignment(tmp_path, capsys):
    FRAME.write_csv(tmp_path / "a.csv")
    assert fastpack_in_process("verify", tmp_path / "a.csv") == 1
    assert "is a .parquet file or a folder, got" in capsys.readouterr().err
    with pytest.raises(fastpack.DataTypeError, match=r"pl.scan_parquet\('a.parquet'\)"):
        fastpack.verify("a.parquet", context_length=8)
