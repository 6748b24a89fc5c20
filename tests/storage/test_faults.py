"""A store that fails for a while is asked again; for good, it is a clear error."""

import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

import fastpack
from corpora import files_of, name_of_shard, pack, write_shards
from fastpack import DataError, OptionError, OutputExistsError, StorageError
from fastpack.files.object_home import ObjectHome
from fastpack.storage.location import parse_url
from fastpack.storage.objects import list_objects, put_object, read_object

pytestmark = pytest.mark.slow


def names_below(url, options):
    folder = parse_url(url, options)
    start = len(folder.path) + 1
    return {found.path[start:] for found, _ in list_objects(folder)}


def through(proxy, options, **more):
    """Return the options for a proxy, with little patience."""
    more = {"retry_timeout_ms": 3000, "max_retries": 5, **more}
    return {**options, "aws_endpoint_url": proxy.url, **more}


def answer_each(status, n_times):
    """Return what answers each kind of request with a status, the first times."""
    seen = {}

    def answer(method, path):
        key = method, path.partition("?")[0]
        seen[key] = seen.get(key, 0) + 1
        return status if seen[key] <= n_times else None

    return answer


@pytest.mark.parametrize("status", [500, 503, 0.3])
def test_a_store_that_fails_for_a_while(tmp_path, bucket, options, proxy, status):
    corpus = write_shards(tmp_path / "corpus", 3)
    pack(corpus, tmp_path / "out")
    for number in range(3):
        name = name_of_shard(number, 3)
        frame = pl.read_parquet(corpus / name)
        frame.write_parquet(f"{bucket}/corpus/{name}", storage_options=options)
    proxy.answer = answer_each(status, 2)
    settings = through(proxy, options)
    pack(f"{bucket}/corpus", f"{bucket}/out", storage_options=settings)
    # Sources of another path make another job: the same rows, not the same bytes.
    for name in files_of(tmp_path / "out"):
        if not name.startswith("_fastpack"):
            written = pl.read_parquet(f"{bucket}/out/{name}", storage_options=options)
            assert written.equals(pl.read_parquet(tmp_path / "out" / name))


@pytest.mark.parametrize("step", ["lock", "counts/1", "plan", "part-1", "manifest"])
def test_a_store_that_fails_for_good(tmp_path, bucket, options, proxy, step):
    corpus = write_shards(tmp_path / "corpus", 3)

    def fail(method, path):
        return 503 if step in path and method == "PUT" else None

    proxy.answer = fail
    settings = through(proxy, options, max_retries=2)
    target = f"{bucket}/out"
    with pytest.raises(StorageError, match=f"{target}/.*{step}.* cannot be written"):
        pack(corpus, target, storage_options=settings)
    outputs = {f"part-{number}.parquet" for number in range(3)}
    names = {
        name
        for name in names_below(target, options)
        if not name.startswith("_fastpack/")
    }
    assert names <= (outputs if step == "manifest" else outputs - {"part-1.parquet"})
    proxy.answer = lambda *_: None
    pack(corpus, target, storage_options=settings)
    own = {f"_fastpack/{name}" for name in ("lock", "manifest.jsonl", "plan.parquet")}
    assert names_below(target, options) == outputs | own


def test_sources_that_cannot_be_read(tmp_path, bucket, options, proxy):
    frame = pl.DataFrame({"n_tokens": [3, 4]})
    frame.write_parquet(f"{bucket}/corpus/a.parquet", storage_options=options)
    proxy.answer = lambda _, path: 503 if "a.parquet" in path else None
    settings = through(proxy, options, max_retries=1)
    with pytest.raises(StorageError, match=r"a\.parquet cannot be read: .*503"):
        pack(f"{bucket}/corpus/a.parquet", tmp_path / "out", storage_options=settings)
    proxy.answer = lambda *_: None
    put_object(parse_url(f"{bucket}/corpus/b.parquet", options), b"no Parquet")
    with pytest.raises(DataError, match=r"b\.parquet cannot be read as \.parquet"):
        pack(f"{bucket}/corpus", tmp_path / "out", storage_options=settings)
    with pytest.raises(StorageError, match="bucket-x/corpus cannot be"):
        pack("s3://bucket-x/corpus", tmp_path / "out", storage_options=options)


def test_a_source_that_changes(tmp_path, bucket, options):
    frame = pl.DataFrame({"n_tokens": [3, 4]})
    for name in "ab":
        frame.write_parquet(f"{bucket}/corpus/{name}.parquet", storage_options=options)

    def change(progress):
        if progress.step == "assign" and progress.shards == 0:
            other = f"{bucket}/corpus/b.parquet"
            frame[::-1].write_parquet(other, storage_options=options)

    with pytest.raises(DataError, match=r"b\.parquet: the file changed while it was"):
        pack(
            f"{bucket}/corpus",
            tmp_path / "out",
            storage_options=options,
            progress=change,
        )


def test_secrets_are_shown_nowhere(tmp_path, bucket, options):
    url = parse_url(f"{bucket}/out", options)
    assert "never-to" not in repr(url)
    corpus = write_shards(tmp_path / "corpus", 1)
    pack(corpus, f"{bucket}/out", storage_options=options)
    for name in names_below(f"{bucket}/out", options):
        assert b"never-to" not in read_object(url / name)


@pytest.fixture
def short_lease(monkeypatch):
    monkeypatch.setattr("fastpack.files.object_home.LEASE_SECONDS", 1.5)


def test_two_runs_on_one_target(tmp_path, bucket, options, short_lease):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = f"{bucket}/out"
    problem = "another run is packing into s3:"
    with (
        ObjectHome(parse_url(target, options)).locked("another"),
        pytest.raises(OutputExistsError, match=problem),
    ):
        pack(corpus, target, storage_options=options)
    pack(corpus, target, storage_options=options)  # at once: it is free


def test_threads_race_for_a_target(bucket, options, short_lease):
    target = parse_url(f"{bucket}/out", options)
    inside, most = [], []

    def hold(number):
        try:
            with ObjectHome(target).locked(f"run{number}"):
                inside.append(number)
                time.sleep(0.5)
                most.append(len(inside))
                inside.remove(number)
        except OutputExistsError:
            pass

    for _ in range(3):
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(hold, range(4)))
    assert len(most) >= 3
    assert set(most) == {1}


def test_a_hold_that_is_lost(tmp_path, bucket, options, short_lease):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = f"{bucket}/out"
    lock = parse_url(f"{target}/_fastpack/lock", options)

    def take(progress):
        if progress.step == "assign" and progress.shards == 0:
            put_object(lock, b"another 7")

    problem = "the run has ended, and another|this run lost its hold"
    with pytest.raises(OutputExistsError, match=problem):
        pack(corpus, target, storage_options=options, progress=take)
    assert read_object(lock) == b"another 7"


def test_urls_that_are_wrong(tmp_path, bucket, options):
    corpus = write_shards(tmp_path / "corpus", 1)
    with pytest.raises(OptionError, match="hf:// is for reading alone"):
        pack(corpus, "hf://datasets/a/b")
    with pytest.raises(OptionError, match="`storage_options` do not open"):
        pack(corpus, f"{bucket}/out", storage_options={"nonsense": "1"})
    with pytest.raises(StorageError, match=r"bucket-x/out/_fastpack/lock cannot be wr"):
        pack(corpus, "s3://bucket-x/out", storage_options=options)
    pack(corpus, bucket, storage_options=options)  # it is a folder, too
    with pytest.raises(OptionError, match="`target` is an object, no folder"):
        pack(corpus, f"{bucket}/part-0.parquet", storage_options=options)
    other = f"{bucket}/c/a.parquet"
    pl.DataFrame({"n_tokens": [1]}).write_parquet(other, storage_options=options)
    with pytest.raises(OptionError, match="some sources are files of this machine"):
        pack([corpus, other], tmp_path / "out", storage_options=options)
    with pytest.raises(OptionError, match="a source is named twice"):
        pack([other, f"{bucket}/c"], tmp_path / "out", storage_options=options)
    with pytest.raises(fastpack.SourceNotFoundError, match="no file that can be read"):
        pack(f"{bucket}/d/", tmp_path / "out", storage_options=options)
