"""pack_token_files(): after kills and damage the same bytes; bad input is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
import pytest
from damaged_runs import change_bits, kill_and_resume

import fastpack
from command_line import run_code
from corpora import (
    CORPUS,
    TOKENS,
    StopError,
    files_of,
    pack,
    pack_tokens_of,
    read_sequences,
    stop_after,
    write,
    write_shards,
)
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    OptionTypeError,
    OutputExistsError,
    SourceNotFoundError,
    VerificationError,
)
from fastpack.files import verify_token_files


@pytest.fixture(autouse=True)
def small_blocks(small_batches):
    small_batches(block=4000, part=8000, finest=1000)


RUN = """
import sys
import polars as pl
import fastpack
from fastpack.files import token_blocks
token_blocks._WEIGHT, token_blocks._LARGEST = 40_000, 80_000
fastpack.pack_tokens(
    pl.DataFrame({"input_ids": [[1, 2, 3], [4]]}, {"input_ids": pl.List(pl.Int32)}),
    context_length=2,
)
corpus, target = sys.argv[1:]
print("ready", flush=True)
fastpack.pack_token_files(corpus, target, context_length=64, workers=2)
print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_at_ten_moments(tmp_path, small_batches, one_of_every):
    small_batches(block=40_000, part=80_000)
    corpus = write_shards(
        tmp_path / "corpus", 4, pl.concat([TOKENS] * 40), row_group_size=1500
    )
    resume = partial(pack_tokens_of, boundaries="seq_lengths")
    reached = kill_and_resume(RUN, corpus, tmp_path, one_of_every(10), resume)
    assert len(list((tmp_path / "whole").glob("*.parquet"))) > 12
    assert len({n_outputs for _, n_outputs in reached}) > 1


@pytest.mark.parametrize("from_the_end", [0, 1, 2, 3, 5])
def test_a_stopped_run_goes_on(tmp_path, from_the_end):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=50)
    reports = []
    account = pack_tokens_of(corpus, tmp_path / "whole", progress=reports.append)
    expected = files_of(tmp_path / "whole")
    target = tmp_path / "out"
    n_reports = len(reports) - from_the_end
    with ThreadPoolExecutor(1) as executor, pytest.raises(StopError):
        pack_tokens_of(
            corpus, target, executor=executor, progress=stop_after(n_reports)
        )
    kept = {path: path.stat().st_mtime_ns for path in target.glob("*.parquet")}
    reports.clear()
    again = pack_tokens_of(corpus, target, progress=reports.append)
    assert files_of(target) == expected
    assert again.figures() == account.figures()
    assert not [report for report in reports if report.step == "count"]
    n_same = sum(path.stat().st_mtime_ns == kept[path] for path in kept)
    assert n_same >= len(kept) - 1
    reports.clear()
    again = pack_tokens_of(corpus, target, progress=reports.append)
    assert reports == []
    assert again.figures() == account.figures()
    assert files_of(target) == expected


@pytest.mark.slow
@pytest.mark.parametrize("is_complete", [True, False])
def test_a_byte_that_was_changed(tmp_path, is_complete):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS[:300])
    whole, run, target = (tmp_path / name for name in ("whole", "run", "out"))
    account = pack_tokens_of(corpus, whole)
    assert account.n_blocks == 2
    expected = files_of(whole)
    if is_complete:
        run = whole
    else:
        with ThreadPoolExecutor(1) as one, pytest.raises(StopError):
            pack_tokens_of(corpus, run, executor=one, progress=stop_after(6))
        assert (run / "_fastpack/counts/1.parquet").exists()
    for name, place in change_bits(run, target, 4):
        try:
            pack_tokens_of(corpus, target)
        except OutputExistsError:
            # The job, and an output that is in no manifest yet.
            assert name == "manifest.jsonl" or not is_complete
        else:
            assert files_of(target) == expected, (name, place)


def test_a_new_run_that_is_stopped_at_its_end(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    target = tmp_path / "out"
    pack_tokens_of(corpus, target)

    def stop(progress):
        if progress.step == "pack" and progress.shards == progress.n_shards:
            raise StopError

    with pytest.raises(StopError):
        pack_tokens_of(corpus, target, overwrite=True, bos_id=1, progress=stop)
    # Its account, and its plan, would be those of the run before.
    with pytest.raises(VerificationError, match="is not complete: run the same"):
        verify_token_files.read_sequences(target)
    with pytest.raises(SourceNotFoundError, match="no file of a plan"):
        fastpack.PackingPlan.load(target)
    pack_tokens_of(corpus, target, bos_id=1)
    pack_tokens_of(corpus, tmp_path / "fresh", bos_id=1)
    assert files_of(target) == files_of(tmp_path / "fresh")


def test_a_file_that_is_missing(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    target = tmp_path / "out"
    pack_tokens_of(corpus, target)
    expected = files_of(target)
    for name in expected:
        (target / name).unlink()
        pack_tokens_of(corpus, target)
        assert files_of(target) == expected


def test_what_changed_is_named(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    target = tmp_path / "out"
    pack_tokens_of(corpus, target)
    before = files_of(target)

    def refused(match, **options):
        with pytest.raises(OutputExistsError, match=match) as error:
            pack_tokens_of(corpus, target, **options)
        assert "--overwrite" in str(error.value)
        assert files_of(target) == before

    refused(r"boundaries was \[.*\], is \['cu_seqlens'\]", boundaries=["cu_seqlens"])
    refused("pad_id was None, is 0", pad_id=0)
    refused("block_documents was None, is 50", block_documents=50)
    refused("compression was 'zstd', is 'lz4'", compression="lz4")
    refused(r"columns was \[\], is \['labels'\]", columns="labels")
    refused("shuffle_seed was None, is 0", shuffle_seed=0)
    refused("an earlier run packed into", resume=False)
    (corpus / "part-0.parquet").touch()
    refused("part-0.parquet was changed")
    pack_tokens_of(corpus, target, overwrite=True, pad_id=0)
    pack_tokens_of(corpus, tmp_path / "fresh", pad_id=0)
    assert files_of(target) == files_of(tmp_path / "fresh")


def test_assignments_and_sequences_are_not_mixed(tmp_path):
    tokens = write_shards(tmp_path / "tokens", 2, TOKENS)
    lengths = write_shards(tmp_path / "lengths", 2, CORPUS[:100])
    pack_tokens_of(tokens, tmp_path / "sequences")
    with pytest.raises(OutputExistsError, match="length was None, is 'n_tokens'"):
        pack(lengths, tmp_path / "sequences")
    pack(lengths, tmp_path / "assignments")
    with pytest.raises(OutputExistsError, match="tokens was None, is 'input_ids'"):
        pack_tokens_of(tokens, tmp_path / "assignments")
    pack_tokens_of(tokens, tmp_path / "assignments", overwrite=True)
    assert not list((tmp_path / "assignments").glob("part-*"))


def test_a_source_that_changes_while_it_is_packed(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS)

    def change(progress):
        if progress.step == "pack" and progress.shards == 0:
            TOKENS.reverse().write_parquet(corpus / "part-2.parquet")

    with pytest.raises(DataError, match=r"part-2.parquet: the file changed while"):
        pack_tokens_of(corpus, tmp_path / "out", progress=change)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert not [name for name in written if name.endswith(".tmp")]
    assert "account.json" not in files_of(tmp_path / "out")
    with pytest.raises(OutputExistsError, match=r"part-2.parquet was changed"):
        pack_tokens_of(corpus, tmp_path / "out")


def changed(**columns):
    return TOKENS[100:].with_columns(
        pl.Series(name, values, dtype=TOKENS.schema[name])
        for name, values in columns.items()
    )


def with_value(name, row, value):
    values = TOKENS[name][100:].to_list()
    values[row] = value
    return changed(**{name: values})


BAD_INPUT = {
    "lockstep": (
        with_value("labels", 40, [1]),
        {"columns": ["loss_mask", "labels"]},
        r"b.parquet: `labels` has 1 values for the .* tokens of `input_ids` in row 40 ",
    ),
    "a null list": (
        with_value("input_ids", 7, None),
        {},
        r"b.parquet: `input_ids` has null lists: 1, the first in row 7 ",
    ),
    "a null token": (
        with_value("input_ids", 9, [3, None]),
        {},
        r"b.parquet: `input_ids` has null values, the first in row 9 ",
    ),
    "a null in lockstep": (
        with_value("labels", 9, [None] * len(TOKENS["input_ids"][109])),
        {"columns": "labels"},
        r"b.parquet: `labels` has null values, the first in row 9 ",
    ),
    "a null group": (
        with_value("lang", 9, None),
        {"by": "lang"},
        r"b.parquet: `by` column 'lang' has nulls: 1, the first in row 9 ",
    ),
    "a long document": (
        with_value("input_ids", 9, [1] * 500),
        {"long_documents": "error", "context_length": 499},
        "500",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input(tmp_path, name):
    frame, options, match = BAD_INPUT[name]
    write(TOKENS[:100], tmp_path / "corpus/a.parquet")
    write(frame, tmp_path / "corpus/b.parquet")
    options = {"context_length": 64, **options}
    with pytest.raises(DataError, match=match):
        fastpack.pack_token_files(tmp_path / "corpus", tmp_path / "out", **options)
    for path in (tmp_path / "out").glob("*.parquet"):
        read_sequences(tmp_path / "out", path.name)  # it is whole
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("frame", "options", "error", "match"),
    [
        (TOKENS, {"pad_id": 2**31}, OptionError, "`pad_id` 2147483648 does not fit"),
        (TOKENS, {"eos_id": -(2**40)}, OptionError, "`eos_id` .* does not fit"),
        (TOKENS, {"tokens": "lang"}, DataTypeError, "`lang` must hold lists of"),
        (TOKENS, {"columns": "lang"}, DataTypeError, "`lang` must hold lists of"),
        (TOKENS, {"columns": "mask"}, DataError, "`columns` names a column that is ab"),
        (TOKENS, {"keep": "id"}, DataError, "`keep` names a column that is absent"),
        (TOKENS, {"by": "id"}, DataError, "`by` names a column that is absent"),
        (TOKENS, {"boundaries": "ends"}, OptionError, "`boundaries` has an unknown"),
        (TOKENS, {"block_documents": 0}, OptionError, "`block_documents` must be"),
        (TOKENS, {"extra_tokens": 1}, OptionError, "`extra_tokens` is 1, but "),
        (
            TOKENS.with_columns(input_ids=pl.col("input_ids").cast(pl.List(pl.Int64))),
            {},
            DataTypeError,
            r"b.parquet: `tokens` column 'input_ids' is List\(Int64\) here, List",
        ),
        (
            TOKENS.with_columns(pl.col("labels").cast(pl.List(pl.Int16))),
            {"columns": "labels"},
            DataTypeError,
            r"b.parquet: `columns` column 'labels' is List\(Int16\) here",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_sources(tmp_path, frame, options, error, match):
    write(TOKENS, tmp_path / "corpus/a.parquet")
    write(frame, tmp_path / "corpus/b.parquet")
    with pytest.raises(error, match=match):
        pack_tokens_of(tmp_path / "corpus", tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_sources_that_cannot_be_right(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    with pytest.raises(SourceNotFoundError, match="no such file or folder"):
        pack_tokens_of(tmp_path / "absent", tmp_path / "out")
    with pytest.raises(OptionError, match="would lie beside their sources"):
        pack_tokens_of(corpus, corpus)
    with pytest.raises(OptionTypeError, match="`target` must be a folder, got None"):
        pack_tokens_of(corpus, None)
    (tmp_path / "b.csv").write_text("input_ids\n3\n")
    with pytest.raises(DataTypeError, match=r"b.csv: `input_ids` must hold lists"):
        pack_tokens_of(tmp_path / "b.csv", tmp_path / "csv")
    (corpus / "part-1.parquet").write_bytes(b"PAR1 this is no footer PAR1")
    with pytest.raises(DataError, match=r"part-1.parquet"):
        pack_tokens_of(corpus, tmp_path / "damaged")
    (tmp_path / "folder/sequences-000000.parquet").mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="an output is a folder"):
        pack_tokens_of(corpus / "part-0.parquet", tmp_path / "folder", overwrite=True)


def test_outputs_among_the_sources(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    inside = corpus / "packed/64"
    for _ in range(2):  # its own outputs are no sources
        pack_tokens_of(corpus, inside)
    with pytest.raises(OptionError, match=r"outputs of an earlier run, .*64, beside"):
        pack_tokens_of(corpus, tmp_path / "out")
    pack_tokens_of(inside, tmp_path / "of sequences")
    pack_tokens_of([inside, tmp_path / "of sequences"], tmp_path / "of both")


@pytest.mark.parametrize("rules", [{}, {"block_documents": 200}])
@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_more_tokens_than_a_block_may_have(tmp_path, monkeypatch, rules, suffix):
    name = "fastpack.files.token_blocks._MOST_TOKENS"
    longest = int(TOKENS["input_ids"].list.len().max())
    monkeypatch.setattr(name, 1000 if rules else longest - 1)
    write(TOKENS, tmp_path / f"a.{suffix}")
    with pytest.raises(DataError, match=r"a block has .* tokens, more than 2\*\*31"):
        pack_tokens_of(tmp_path / f"a.{suffix}", tmp_path / "out", **rules)


FULL_DISK = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import fastpack
from fastpack.files import token_blocks
token_blocks._WEIGHT, token_blocks._LARGEST = 4000, 8000
corpus, target = sys.argv[1:]
def limit(progress):
    if progress.step == "pack" and progress.shards == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
with ThreadPoolExecutor(1) as executor:
    fastpack.pack_token_files(
        corpus, target, context_length=64, executor=executor, progress=limit
    )
"""


@pytest.mark.slow
def test_a_disk_that_is_full(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 5, TOKENS)
    target = tmp_path / "out"
    process = run_code(FULL_DISK, corpus, target)
    assert process.returncode == 1
    assert "cannot be written" in process.stderr
    names = {path.name for path in target.iterdir()}
    assert "sequences-000001.parquet" in names
    assert "sequences-000004.parquet" not in names
    assert not [name for name in names if name.endswith(".tmp")]
    options = {"boundaries": "seq_lengths"}
    pack_tokens_of(corpus, target, **options)
    pack_tokens_of(corpus, tmp_path / "whole", **options)
    assert files_of(target) == files_of(tmp_path / "whole")


def test_another_run_in_the_same_folder(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)

    refused = []

    def run_another(progress):
        if progress.step == "pack":
            with pytest.raises(OutputExistsError, match="another run is packing"):
                pack_tokens_of(corpus, tmp_path / "out")
            refused.append(progress)

    pack_tokens_of(corpus, tmp_path / "out", progress=run_another)
    assert refused


def test_a_job_whose_counts_are_damaged(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    target = tmp_path / "out"
    pack_tokens_of(corpus, target)
    expected = files_of(target)
    manifest = target / "_fastpack/manifest.jsonl"
    job, *shards = manifest.read_text().splitlines()
    for name, value in (
        ("blocks", None),
        ("blocks", [TOKENS.height, -1, 1]),
        ("blocks", [3]),
        ("documents", [TOKENS.height]),
        ("documents", "no"),
    ):
        damaged = json.dumps({**json.loads(job), name: value})
        manifest.write_text("\n".join([damaged, *shards]) + "\n")
        pack_tokens_of(corpus, target)
        assert files_of(target) == expected


def test_the_seed_of_a_block_with_groups_called_block(tmp_path):
    frame = TOKENS.with_columns(block=pl.Series(np.arange(TOKENS.height) % 3))
    corpus = write_shards(tmp_path / "corpus", 2, frame)
    account = pack_tokens_of(corpus, tmp_path / "out", by="block", shuffle_seed=3)
    assert account.n_documents == TOKENS.height
