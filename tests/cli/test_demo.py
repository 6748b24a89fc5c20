"""The demo: it packs the files of a folder."""

import polars as pl
import pytest

import fastpack
from fastpack.cli.demo import run_demo
from fastpack.cli.main import main
from oracle import Rules, assert_exact


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\n")  # x, =, 1
    (folder / "b.py").write_text("")
    (folder / "c.py").write_bytes(b"name = 'caf\xe9'  # ok\n")
    (folder / "sub" / "d.py").write_text("f(a_1, b2)\n" * 5)  # 6 each
    (folder / "sub" / "notes.txt").write_text("no document")
    return folder


def test_documents_and_figures(sources, tmp_path):
    demo = run_demo(sources, tmp_path / "out", 8, overwrite=False)
    documents = pl.read_parquet(demo.corpus)
    assert documents["path"].to_list() == ["a.py", "b.py", "c.py", "sub/d.py"]
    n_tokens = documents["n_tokens"].to_list()
    assert n_tokens == [3, 0, 8, 30]
    assignment = pl.read_parquet(demo.assignment)
    table = fastpack.pack(documents, context_length=8)
    assert assignment.drop("path").equals(table.drop("document"))
    assert_exact(table, n_tokens, Rules(8))
    # Joined: 3 + 8 + 30 tokens, cut at 8, 16 ...: c.py and d.py lie across a cut.
    concatenation, _, best_fit = demo.comparison.to_dicts()
    columns = ("documents_cut", "documents_cut_unnecessarily")
    assert (concatenation["n_bins"], concatenation["padding"]) == (6, 7)
    assert [concatenation[name] for name in columns] == [2, 1]
    assert [best_fit[name] for name in columns] == [1, 0]


def test_command(sources, tmp_path, capsys):
    output = tmp_path / "out"
    command = ["demo", str(sources), "--output", str(output), "--context-length", "8"]
    assert main(command) == 0
    printed = capsys.readouterr()
    for text in ("4 documents", "concatenation", "best-fit", "fitted whole"):
        assert text in printed.out
    files = ("corpus", "assignment.parquet")
    wrote = [f"wrote {output / file}" for file in files]
    assert printed.err.splitlines() == wrote
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert main(["demo", str(tmp_path / "absent")]) == 1
    assert "no .py file in" in capsys.readouterr().err


def test_the_corpus_can_be_packed_as_any_other(sources, tmp_path):
    demo = run_demo(sources, tmp_path / "out", 8, overwrite=False)
    names = [path.name for path in sorted(demo.corpus.iterdir())]
    assert names == [f"part-{number}.parquet" for number in (1, 2, 3, 4)]
    target = tmp_path / "packed"
    fastpack.pack_files(demo.corpus, target, context_length=8, keep="path")
    assignment = pl.read_parquet(demo.assignment)
    assert pl.read_parquet(target / "*.parquet").equals(assignment)
    # Fewer documents: no file of an earlier run is left.
    for path in (sources / "b.py", sources / "c.py"):
        path.unlink()
    demo = run_demo(sources, tmp_path / "out", 8, overwrite=True)
    documents = pl.read_parquet(demo.corpus)
    assert documents["path"].to_list() == ["a.py", "sub/d.py"]
    assert main(["verify", str(demo.assignment), "--source", str(demo.corpus)]) == 0


@pytest.mark.slow
def test_standard_library(tmp_path):
    demo = run_demo(None, tmp_path, 2048, overwrite=False)
    documents = pl.read_parquet(demo.corpus)
    assert documents.height > 300
    assert "json/decoder.py" in documents["path"]
    assert not documents["path"].str.contains("site-packages").any()
    assert demo.plan.n_documents == documents.height
    concatenation, _, best_fit = demo.comparison.to_dicts()
    assert best_fit["documents_cut_unnecessarily"] == 0
    assert concatenation["documents_cut_unnecessarily"] > 0
    assert best_fit["n_bins_over_concatenation"] <= 0.01
