"""Samples in tar archives."""

import io
import json
import tarfile

import numpy as np
import pytest

from fastpack import DataError
from fastpack.files.formats.format import Request
from fastpack.files.formats.webdataset import open_webdataset


def npy(values, dtype=np.uint16):
    file = io.BytesIO()
    np.save(file, np.array(values, dtype))
    return file.getvalue()


def write(path, members, archive_format=tarfile.PAX_FORMAT, mode="w"):
    with tarfile.open(path, mode, format=archive_format) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read(path, **settings):
    return open_webdataset(path, Request(settings=settings)).scan().collect()


@pytest.mark.parametrize(
    "archive_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT]
)
def test_long_names(tmp_path, archive_format):
    key = "x" * 90 + "/" + "y" * 60
    path = write(tmp_path / "a.tar", [(f"{key}.npy", npy([1, 2]))], archive_format)
    assert read(path).rows() == [(key, 2, [1, 2])]


def test_what_is_no_sample_is_passed_over(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        folder = tarfile.TarInfo("folder.npy")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link.npy")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
        archive.addfile(link)
        for name in ("README", "1.npy"):
            member = tarfile.TarInfo(name)
            member.size = len(npy([7]))
            archive.addfile(member, io.BytesIO(npy([7])))
    assert read(path).rows() == [("1", 1, [7])]
    write(path, [])
    assert read(path).is_empty()


def test_json_members(tmp_path):
    members = [
        ("1.json", json.dumps([1, 2]).encode()),
        ("2.json", json.dumps({"input_ids": [], "other": 1}).encode()),
    ]
    path = write(tmp_path / "a.tar", members)
    assert read(path).rows() == [("1", 2, [1, 2]), ("2", 0, [])]


def test_members_that_are_named(tmp_path):
    members = [("1.a.npy", npy([1])), ("1.b.npy", npy([2], ">i4"))]
    path = write(tmp_path / "a.tar", members)
    with pytest.raises(DataError, match=r"sample 1 may be any of a\.npy, b\.npy"):
        read(path)
    assert read(path, member="b.npy").rows() == [("1", 1, [2])]
    with pytest.raises(DataError, match=r"sample 1 has no member \.c\.npy, but a\.npy"):
        read(path, member="c.npy")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("1.npy", npy([1])), ("2.npy", npy([1], np.int32))], "are of several dtypes"),
        ([("1.npy", npy([[1]]))], "1.npy is not one row of tokens, its shape is"),
        ([("1.npy", npy([1])), ("1.npy", npy([1]))], "sample 1 is there twice, or its"),
        (
            [("1.npy", npy([1])), ("2.npy", npy([1])), ("1.json", b"[]")],
            "sample 1 is there twice, or its .json is",
        ),
        ([("1.json", b"[1")], "1.json is no JSON"),
        ([("1.json", b'["a"]')], "1.json has no list of tokens"),
        ([("1.json", b'{"tokens": [1]}')], "or an object with that as 'input_ids'"),
        ([("1.txt", b"1")], "the tokens of the sample 1 may be any of txt"),
        (
            [("1.npy", npy([1])[:-1])],
            "byte 641 of a.tar: expected the end at byte",
        ),
    ],
)
def test_bad_samples(tmp_path, members, message):
    path = write(tmp_path / "a.tar", members)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_member_longer_than_the_archive(tmp_path):
    path = write(tmp_path / "a.tar", [("1.npy", npy([1]))])
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"byte 0 of a.tar: expected a member of 130"):
        read(path)


def test_compressed_archives(tmp_path):
    path = write(tmp_path / "a.tar.gz", [("1.npy", npy([1]))], mode="w:gz")
    assert read(path).rows() == [("1", 1, [1])]
    write(path, [("2.npy", npy([1, 2]))], mode="w:gz")
    assert read(path).rows() == [("2", 2, [1, 2])]
    content = path.read_bytes()
    for end in (3, 20, len(content) - 3):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match=r"byte [\d,]+ of a\.tar\.gz, unpacked: Co"):
            read(path)
    for byte in (2, 3, len(content) // 2, len(content) - 6):
        damaged = bytearray(content)
        damaged[byte] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"byte [\d,]+ of a\.tar\.gz, unpacked: "):
            read(path)
    write(path, [("1.npy", npy([1])[:-1])], mode="w:gz")
    with pytest.raises(DataError, match=r"byte 641 of a\.tar\.gz, unpacked: expected"):
        read(path)
