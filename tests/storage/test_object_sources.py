"""Sources in a store are those that the same folders of this machine would give."""

import polars as pl
import pytest

from corpora import pack, write
from fastpack import MissingExtraError, OptionError, SourceNotFoundError
from fastpack.files.sources import find_sources
from fastpack.storage.location import Url, parse_url
from fastpack.storage.objects import put_object

pytestmark = pytest.mark.slow

NAMES = (
    "a/part-10.parquet",
    "a/part-2.parquet",
    "a/.hidden.parquet",
    "a/_SUCCESS.parquet",
    "a/note.txt",
    "a/b/part-1.csv",
    "a/b/c/x.jsonl",
    "a/_temporary/x.parquet",
    "a/.git/x.parquet",
    "lang=en/x.parquet",
    "b.parquet",
    "z [1].parquet",
    "ü/ä ö.parquet",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory, s3_server):
    """Return a folder, the same in a store, and the options for it."""
    from urllib.request import Request, urlopen

    from stores import options_for

    folder = tmp_path_factory.mktemp("tree")
    urlopen(Request(f"{s3_server}/tree", method="PUT")).close()
    options = options_for(s3_server)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        put_object(parse_url(f"s3://tree/data/{name}", options), b"")
    for name in ("a/b", "lang=en"):  # as consoles make folders
        marker = f"{s3_server}/tree/data/{name}/"
        urlopen(Request(marker, data=b"", method="PUT")).close()
    return folder, "s3://tree/data", options


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/",
        "/a",
        "/a/",
        "/a/*.parquet",
        "/a/part-?.parquet",
        "/a/part-[0-9]*.parquet",
        "/a/[!b]*",
        "/a/.*.parquet",
        "/a/**",
        "/**/b/**/*",
        "/**/*.parquet",
        "/a/**/*.csv",
        "/*/x.parquet",
        "/lang=*/*.parquet",
        "/b.parquet",
        "/ü/*.parquet",
    ],
)
def test_folders_and_globs(both, pattern):
    folder, url, options = both
    here = find_sources(f"{folder}{pattern}")
    there = find_sources(f"{url}{pattern}", storage_options=options)
    start = len(str(folder))
    expected = [str(path)[start:] for path in here]
    assert [str(found)[len(url) :] for found in there] == expected


def test_a_folder_that_a_glob_matches(both):
    folder, url, options = both
    for source in (folder, url):
        with pytest.raises(OptionError, match="matches a folder of sources, not the"):
            find_sources(f"{source}/a/*", storage_options=options)


def test_no_pattern_matches_a_slash(both):
    folder, url, options = both
    for source in (folder, url):
        for pattern in (
            "/a?part-2.parquet",
            "/a[!x]part-2.parquet",
            "/*part-2.parquet",
        ):
            with pytest.raises(SourceNotFoundError):
                find_sources(f"{source}{pattern}", storage_options=options)


def test_a_glob_of_buckets(both):
    _, _, options = both
    with pytest.raises(OptionError, match="a glob in the name of a bucket"):
        find_sources("s3://tr*/data", storage_options=options)


@pytest.mark.parametrize(
    "name",
    [
        "ä ö+%20#?.parquet",
        "[1]*.parquet",
        "x.arrow",
        "x.csv",
        "x.jsonl",
        "y [1].ndjson",
        "x.csv.gz",
        "x.jsonl.zst",
    ],
)
def test_names_and_formats(tmp_path, bucket, options, name):
    frame = pl.DataFrame({"id": ["a", "b", "c"], "n_tokens": [8, 6, 4]})
    path = write(frame, tmp_path / "corpus" / name)
    url = Url("s3", f"{bucket.removeprefix('s3://')}/corpus/{name}", options)
    put_object(url, path)
    settings = {"storage_options": options, "keep": "id"}
    pack(f"{bucket}/corpus", tmp_path / "out", **settings)
    pack(tmp_path / "corpus", f"{bucket}/out", **settings)
    (output,) = (tmp_path / "out").glob("*.parquet")
    packed = pl.read_parquet(output, glob=False)
    assert packed["id"].to_list() == ["a", "b", "c"]


def test_the_extra_that_is_missing(monkeypatch):
    monkeypatch.setattr("fastpack.storage.objects.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"fastpack-llm\[cloud\]"):
        find_sources("s3://bucket/corpus")
