"""WebDataset: tar archives whose members of one name, less the suffix, are a sample.

The tokens of a sample are its .npy member (of one row of integers), or its .json one (a
list of them, or an object with the list `input_ids`). If several could be meant, the
format says which: ``webdataset:member=input_ids.npy``. Of .npy members the headers are
read, not the tokens; of .json ones, all. Archives may be compressed by gzip.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import DEFAULT_LENGTH
from fastpack.errors import DataError
from fastpack.files.formats.binary import polars_dtype
from fastpack.files.formats.document_file import TOKENS, DocumentFile
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.npy import find_array
from fastpack.files.formats.tar import Archive, Member, members_of, open_archive
from fastpack.tokens.lists import as_lists

_KEY = "__key__"

_NAME = re.compile(r"((?:.*/|)[^./]+)[.]([^/]*)")
"""The key of a sample, and the suffix of its member, as WebDataset splits a name."""


class _Sample(NamedTuple):
    """A sample: its key, and the tokens of it, mapped or in memory."""

    key: str
    n_tokens: int
    dtype: np.dtype[Any]
    tokens: Callable[[], npt.NDArray[Any]]


class _Samples(DocumentFile):
    def __init__(self, samples: Sequence[_Sample], dtype: np.dtype[Any]) -> None:
        schema = {
            _KEY: pl.String(),
            DEFAULT_LENGTH: pl.Int64(),
            TOKENS: pl.List(polars_dtype(dtype)),
        }
        super().__init__(len(samples), pl.Schema(schema))
        self._samples = samples
        self._dtype = dtype

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        samples = self._samples[first:last]
        lengths = np.array([each.n_tokens for each in samples], np.int64)
        frame = pl.DataFrame(
            {_KEY: [each.key for each in samples], DEFAULT_LENGTH: lengths},
            schema_overrides={_KEY: pl.String},
        )
        if TOKENS in columns:
            empty = np.empty(0, self._dtype)
            values = np.concatenate([empty, *(each.tokens() for each in samples)])
            lists = as_lists(pl.Series(values), np.append(0, np.cumsum(lengths)))
            frame = frame.with_columns(lists.alias(TOKENS))
        return frame


def open_webdataset(path: Path, request: Request) -> DocumentFile:
    """Open the samples of an archive.

    Raises
    ------
    DataError
        The archive is damaged, a sample has no tokens, or several members for them.
    """
    archive = open_archive(path)
    samples: list[_Sample] = []
    dtypes: dict[np.dtype[Any], str] = {}
    suffix = request.settings.get("member")
    for key, members in _grouped(archive):
        suffix = suffix or _choose(key, members)
        if suffix not in members:
            msg = (
                f"the sample {key} has no member .{suffix}, but {', '.join(members)}\n"
                "Hint: name that of the tokens: --source-format webdataset:member=..."
            )
            raise DataError(msg)
        read = _read_npy if suffix.endswith("npy") else _read_json
        sample = read(archive, key, members[suffix])
        dtypes.setdefault(sample.dtype, key)
        samples.append(sample)
    if len(dtypes) > 1:
        found = ", ".join(f"{dtype} in {key}" for dtype, key in dtypes.items())
        msg = f"tokens are of several dtypes: {found}\nHint: give all the same one."
        raise DataError(msg)
    return _Samples(samples, next(iter(dtypes), np.dtype(np.int64)))


def _grouped(archive: Archive) -> Iterator[tuple[str, dict[str, Member]]]:
    """Give the members of each sample, by suffix."""

    def split(member: Member) -> tuple[str, str]:
        match = _NAME.fullmatch(member.name)
        return (match[1], match[2].lower()) if match else ("", member.name)

    seen: set[str] = set()
    for key, group in groupby(members_of(archive), lambda member: split(member)[0]):
        if not key:  # WebDataset passes over such names, too
            continue
        members: dict[str, Member] = {}
        for member in group:
            suffix = split(member)[1]
            if suffix in members or key in seen:
                msg = (
                    f"the sample {key} is there twice, or its .{suffix} is\n"
                    "Hint: the members of a sample follow each other in an archive."
                )
                raise DataError(msg)
            members[suffix] = member
        seen.add(key)
        yield key, members


def _choose(key: str, members: dict[str, Member]) -> str:
    """Return the suffix of the tokens, if only one can be meant."""
    for kind in ("npy", "json"):
        found = [suffix for suffix in members if suffix.split(".")[-1] == kind]
        if len(found) == 1:
            return found[0]
    msg = (
        f"the tokens of the sample {key} may be any of {', '.join(members)}\n"
        "Hint: name their member: --source-format webdataset:member=input_ids.npy."
    )
    raise DataError(msg)


def _read_npy(archive: Archive, key: str, member: Member) -> _Sample:
    npy = find_array(*archive, member.begin, member.end)
    if len(npy.shape) != 1:
        msg = (
            f"{member.name} is not one row of tokens, its shape is {npy.shape}\n"
            "Hint: name their member: --source-format webdataset:member=..."
        )
        raise DataError(msg)

    native = npy.dtype.newbyteorder("=")

    def tokens() -> npt.NDArray[Any]:
        mapped = archive.data[npy.offset : member.end].view(npy.dtype)
        return mapped.astype(native, copy=False)

    return _Sample(key, npy.shape[0], native, tokens)


def _read_json(archive: Archive, key: str, member: Member) -> _Sample:
    text = archive.data[member.begin : member.end].tobytes()
    try:
        value = json.loads(text)
    except ValueError as error:
        msg = f"{member.name} is no JSON: {error}\nHint: is the archive damaged?"
        raise DataError(msg) from error
    if isinstance(value, dict):
        value = value.get(TOKENS)
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        msg = (
            f"{member.name} has no list of tokens\n"
            f"Hint: it is a list of integers, or an object with that as {TOKENS!r}."
        )
        raise DataError(msg)
    array = np.array(value, np.int64)
    return _Sample(key, len(array), array.dtype, lambda: array)


WEBDATASET = Format(
    "webdataset",
    "WebDataset: .npy or .json members",
    (".tar", ".tar.gz", ".tgz"),
    open_webdataset,
    settings=("member",),
)
