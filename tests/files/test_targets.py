"""Targets: whose files may be replaced, and which names outputs have."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

import fastpack
from corpora import (
    CORPUS,
    L,
    N,
    files_of,
    pack,
    packed_shards,
    read_shards,
    write_shards,
)
from fastpack import (
    OptionError,
    OutputExistsError,
)


def test_files_of_others_are_not_replaced(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    target.mkdir()
    for content in (b"mine", (corpus / "part-1.parquet").read_bytes()):
        (target / "part-1.parquet").write_bytes(content)
        with pytest.raises(OutputExistsError, match="is no file of this job"):
            pack(corpus, target)
        assert (target / "part-1.parquet").read_bytes() == content
    pack(corpus, target, overwrite=True)
    (target / "part-1.parquet").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="is no file of this job"):
        pack(corpus, target)
    (target / "part-1.parquet").unlink()
    pack(corpus, target)
    assert (
        read_shards(target, 2).height == fastpack.pack(CORPUS, context_length=L).height
    )


def test_an_output_that_is_cut_off_is_written_again(tmp_path):
    corpus, target = packed_shards(tmp_path, 2)
    expected = files_of(target)
    output = target / "part-1.parquet"
    for size in (0, 3, 4, 7, 500, output.stat().st_size - 1):
        os.truncate(output, size)
        pack(corpus, target)
        assert files_of(target) == expected
    # A whole file of others is none of ours, if smaller too.
    pl.DataFrame({"a": [1]}).write_parquet(output)
    with pytest.raises(OutputExistsError, match="is no file of this job"):
        pack(corpus, target)
    output.unlink()
    output.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExistsError, match="is no file of this job"):
        pack(corpus, target)


def test_options_of_a_search_make_no_difference_without_one(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    pack(corpus, tmp_path / "out", time_limit=5)
    pack(corpus, tmp_path / "out", optimality_gap=0.1)


def test_overwrite_leaves_no_output_of_an_earlier_run(tmp_path):
    corpus, target = packed_shards(tmp_path, 4)
    # As if it was killed between the last file and its line.
    manifest = target / "_fastpack/manifest.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    (corpus / "part-3.parquet").unlink()
    pack(corpus, target, overwrite=True)
    assert sorted(path.name for path in target.glob("*.parquet")) == [
        f"part-{number}.parquet" for number in range(3)
    ]


def test_overwrite_removes_no_file_of_others(tmp_path):
    raw, target = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    CORPUS.write_ndjson(raw / "a.jsonl")
    CORPUS.write_ndjson(raw / "b.jsonl")
    pack(raw, target)
    CORPUS[:7].write_parquet(target / "a.parquet")  # the user's own
    pack(raw / "b.jsonl", target, overwrite=True)
    assert pl.read_parquet(target / "a.parquet").equals(CORPUS[:7])


def test_targets_that_cannot_be_used(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    (tmp_path / "file").touch()
    for target in (tmp_path / "file", tmp_path / "file/out", Path("/proc/fastpack")):
        with pytest.raises(OSError, match=r"file|fastpack"):
            pack(corpus, target)
    with pytest.raises(OptionError, match="would lie beside their sources"):
        pack(corpus, corpus)
    assert sorted(path.name for path in corpus.iterdir()) == [
        "part-0.parquet",
        "part-1.parquet",
    ]
    within = corpus / "packed"
    pack(corpus, within)
    pack(corpus, within)  # outputs of the first run are no sources
    assert read_shards(within, 2).height > N


def test_links_to_sources_give_their_own_names(tmp_path):
    blobs = write_shards(tmp_path / "blobs", 2)
    links = tmp_path / "links"
    links.mkdir()
    (links / "train-0.parquet").symlink_to(blobs / "part-0.parquet")
    (links / "train-1.parquet").symlink_to(blobs / "part-1.parquet")
    pack(links, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").glob("*.parquet")} == {
        "train-0.parquet",
        "train-1.parquet",
    }


def test_outputs_that_could_not_be(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    (corpus / "a.parquet").mkdir()
    CORPUS[:5].write_csv(corpus / "a.csv")
    CORPUS[:5].write_csv(corpus / "a.parquet/p.csv")
    with pytest.raises(OptionError, match="is a folder of others"):
        pack(corpus, tmp_path / "out")
    (tmp_path / "out2/part-0.parquet").mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="an output is a folder"):
        pack(corpus / "part-0.parquet", tmp_path / "out2", overwrite=True)
    for target, problem in (
        ("", "`target` must be a folder, got ''"),
        ("ftp://host/out", "a URL is of no store that is known: 'ftp://host/out'"),
        (Path("s3://bucket/out"), "of no store that is known: 's3:/bucket/out'"),
    ):
        with pytest.raises(OptionError, match=problem):
            pack(corpus / "part-0.parquet", target)
    with pytest.raises(OptionError, match="not UTF-8"):
        pack(corpus / "part-0.parquet", tmp_path / "\udcff")


def test_an_own_file_that_looks_like_a_temporary_one(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    own = tmp_path / "out/.fastpack-notes.tmp"
    own.parent.mkdir()
    own.touch()
    pack(corpus, tmp_path / "out")
    assert own.exists()


@pytest.mark.parametrize(
    "own", ["lock", "token", "manifest.jsonl", "plan.parquet", "counts", ""]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_own_files_that_are_links(tmp_path, own, overwrite):
    corpus = write_shards(tmp_path / "corpus", 2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes").write_text("what others wrote")
    before = files_of(elsewhere)
    link = tmp_path / "out/_fastpack" / own
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere if own in ("counts", "") else elsewhere / "notes")
    with pytest.raises(OutputExistsError, match="is a link") as error:
        pack(corpus, tmp_path / "out", overwrite=overwrite)
    assert str(link) in str(error.value)
    assert files_of(elsewhere) == before
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_lock_that_is_another_name_of_a_file(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    notes = tmp_path / "notes"
    notes.write_text("what others wrote")
    own = tmp_path / "out/_fastpack"
    own.mkdir(parents=True)
    (own / "lock").hardlink_to(notes)
    with pytest.raises(OutputExistsError, match="is a link"):
        pack(corpus, tmp_path / "out", overwrite=True)
    assert notes.read_text() == "what others wrote"
    (own / "lock").unlink()
    os.mkfifo(own / "lock")
    with pytest.raises(OutputExistsError, match="is a link"):
        pack(corpus, tmp_path / "out")


def test_links_in_a_target_lead_to_no_file_of_others(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    other = tmp_path / "other"
    pack(corpus, other)
    before = files_of(other)
    target = tmp_path / "out"
    pack(corpus / "part-0.parquet", target)
    # A manifest that names files of another run, behind a link or beside.
    (target / "linked").symlink_to(other)
    manifest = target / "_fastpack/manifest.jsonl"
    job = json.loads((other / "_fastpack/manifest.jsonl").read_text().splitlines()[0])
    for prefix in ("linked/", "../other/", f"{other}/", "linked/../"):
        outputs = [f"{prefix}part-0.parquet", f"{prefix}part-1.parquet"]
        manifest.write_text(json.dumps({**job, "outputs": outputs}) + "\n")
        pack(corpus / "part-0.parquet", target, overwrite=True)
        assert files_of(other) == before
    # Outputs behind a link.
    (tmp_path / "nested").mkdir()
    write_shards(tmp_path / "nested/linked", 2)
    write_shards(tmp_path / "nested/b", 1)
    for overwrite in (False, True):
        with pytest.raises(OptionError, match="a link leads out of the target"):
            pack(tmp_path / "nested", target, overwrite=overwrite)
    assert files_of(other) == before


def test_an_output_that_is_a_link(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    target = tmp_path / "out"
    target.mkdir()
    link = target / "part-0.parquet"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputExistsError, match="is no file of this job"):
        pack(corpus, target)
    pack(corpus, target, overwrite=True)
    assert not link.is_symlink()
    assert not (tmp_path / "elsewhere").exists()
    link.rename(tmp_path / "moved")
    link.symlink_to(tmp_path / "moved")  # a finished one, on another disk
    pack(corpus, target)
    assert link.is_symlink()


def test_an_earlier_output_of_another_job_is_left(tmp_path):
    corpus, target = packed_shards(tmp_path, 3)
    pack(corpus / "part-1.parquet", tmp_path / "other")
    (tmp_path / "other/part-1.parquet").replace(target / "part-1.parquet")
    pack(corpus / "part-0.parquet", target, overwrite=True)
    assert {path.name for path in target.glob("*.parquet")} == {
        "part-0.parquet",
        "part-1.parquet",
    }


def test_the_time_of_a_rerun_grows_with_the_files_alone(tmp_path, monkeypatch):
    corpus = write_shards(tmp_path / "corpus", 40, CORPUS[:400])
    pack(corpus, tmp_path / "out")
    described = []
    dumps = json.dumps

    def count(value, **options):
        described.append(isinstance(value, dict) and "sources" in value)
        return dumps(value, **options)

    monkeypatch.setattr("fastpack.files.manifest.json.dumps", count)
    pack(corpus, tmp_path / "out")
    assert sum(described) < 5  # the job, which has all sources, not once a file
