"""A store that fails for a while is asked again; for good, it is a clear error."""

import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

import fastpack
from corpora import TOKENS, pack, pack_tokens_of, write_shards
from fastpack import DataError, OptionError, OutputExistsError, StorageError
from fastpack.files.object_home import ObjectHome
from fastpack.storage.location import parse_url
from fastpack.storage.objects import list_objects, put_object, read_object
from stores import outputs_below, upload

pytestmark = pytest.mark.slow


def names_below(url, options):
    folder = parse_url(url, options)
    start = len(folder.path) + 1
    return {found.path[start:] for found, _ in list_objects(folder)}


def through(proxy, options, **more):
    """Return the options for a proxy, with little patience."""
    patience = {
        "retry_timeout_ms": 20_000,
        "max_retries": 3,
        "retry_init_backoff_ms": 9,
    }
    return {**options, "aws_endpoint_url": proxy.url, **patience, **more}


def answer_twice(status):
    """Return what answers each request with a status twice; or waits for seconds, the
    first times of each method."""
    seen = {}

    def answer(method, path):
        key = method, path.partition("?")[0] if isinstance(status, int) else ""
        seen[key] = seen.get(key, 0) + 1
        return status if seen[key] <= 2 else None

    return answer


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Return folders of documents and of tokens, of 3 files each."""
    folder = tmp_path_factory.mktemp("corpora")
    write_shards(folder / "documents", 3)
    write_shards(folder / "tokens", 3, TOKENS)
    return folder


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "documents"), (503, "documents"), (0.4, "documents"), (503, "tokens")],
)
def test_a_store_that_fails_for_a_while(corpora, bucket, options, proxy, status, kind):
    source = upload(corpora / kind, f"{bucket}/corpus", options)
    run = pack_tokens_of if kind == "tokens" else pack
    run(source, f"{bucket}/expected", storage_options=options)
    proxy.answer = answer_twice(status)
    run(source, f"{bucket}/out", storage_options=through(proxy, options))
    assert len(proxy.requests) > 40
    expected = outputs_below(f"{bucket}/expected", options)
    assert outputs_below(f"{bucket}/out", options) == expected


@pytest.mark.parametrize("step", ["lock", "counts/1", "plan", "part-1", "manifest"])
def test_a_store_that_fails_for_good(corpora, bucket, options, proxy, step):
    corpus = corpora / "documents"

    def fail(method, path):
        return 503 if step in path and method == "PUT" else None

    proxy.answer = fail
    settings = through(proxy, options, max_retries=1)
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


def test_a_store_that_fails_for_good_with_tokens(corpora, bucket, options, proxy):
    proxy.answer = lambda method, path: (
        503 if "sequences-000001" in path and method == "PUT" else None
    )
    settings = {
        "storage_options": through(proxy, options, max_retries=1),
        "block_documents": 100,
    }
    problem = r"sequences-000001\.parquet cannot be written: .*503"
    with pytest.raises(StorageError, match=problem):
        pack_tokens_of(corpora / "tokens", bucket, **settings)
    names = outputs_below(bucket, options).keys()
    assert "sequences-000001.parquet" not in names
    proxy.answer = lambda *_: None
    pack_tokens_of(corpora / "tokens", bucket, **settings)
    assert len(outputs_below(bucket, options)) == 6


def test_a_store_that_refuses(tmp_path, corpora, bucket, options, proxy):
    proxy.answer = lambda *_: 403  # wrong credentials, say
    settings = through(proxy, options)
    problem = r"cannot be (read|listed): .*403.*\nHint: .* may you do so\? Credentials"
    with pytest.raises(StorageError, match=problem) as raised:
        pack(f"{bucket}/corpus", tmp_path / "out", storage_options=settings)
    assert "never-to" not in str(raised.value)
    with pytest.raises(StorageError, match=problem):
        pack(corpora / "documents", f"{bucket}/out", storage_options=settings)
    assert len(proxy.requests) < 6  # it is not asked again


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
    problem = "another run is packing into s3:.*\nHint: .* killed frees this one after"
    with ObjectHome(parse_url(target, options)).locked("another"):
        with pytest.raises(OutputExistsError, match=problem):
            pack(corpus, target, storage_options=options)
        with pytest.raises(OutputExistsError, match=problem):
            pack_tokens_of(corpus, target, storage_options=options)
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
    with pytest.raises(StorageError, match="bucket-x/out cannot be listed"):
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
