"""Sources: the names of files, folders and globs -> files, in the order of reading."""

import glob
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from fastpack.errors import OptionError, OptionTypeError, SourceNotFoundError
from fastpack.files.formats import SCANNERS

StrPath: TypeAlias = str | os.PathLike[str]


def find_sources(
    sources: StrPath | Sequence[StrPath], output: Path | None = None
) -> list[Path]:
    """Find the files of all sources, in the order of reading.

    That is the order of the list; within a folder or a glob, the natural order of the
    names: part-2 before part-10. A folder gives all files below it of a known suffix,
    except those whose name, or that of a folder in between, begins with a dot or an
    underscore. The `output` of an earlier run, a file or a folder, is left out if it
    lies in a folder or a glob.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A source is no name, names no file, or a file is named twice.
    """
    paths: list[Path] = []
    for source in _as_names(sources):
        found = _files_of(source)
        if output is not None and found != [Path(source)]:
            found = [file for file in found if not _is_within(file, output, source)]
        if not found:
            what = "in" if Path(source).is_dir() else "is"
            msg = (
                f"no file that can be read {what} {source}\n"
                "Hint: a source is a file, a folder or a glob of "
                f"{', '.join(SCANNERS)} files."
            )
            raise SourceNotFoundError(msg)
        paths += sorted(found, key=_natural)
    for path in paths:
        check_name(path.absolute())
    for path, following in pairwise(sorted(path.resolve() for path in paths)):
        if path == following:
            msg = f"a source is named twice: {path}\nHint: name each file once."
            raise OptionError(msg)
    return paths


def check_name(path: Path) -> None:
    """Refuse a name that Polars cannot write."""
    if any("\udc80" <= char <= "\udcff" for char in str(path)):
        msg = f"the name of a file or folder is not UTF-8: {path!r}\nHint: rename it."
        raise OptionError(msg)


def _as_names(sources: StrPath | Sequence[StrPath]) -> list[str]:
    """Return the names of one source, or of several, as a list."""
    named = [sources] if isinstance(sources, (str, os.PathLike)) else sources
    if not isinstance(named, Sequence) or not all(
        isinstance(source, (str, os.PathLike)) for source in named
    ):
        msg = (
            f"`sources` must be files, folders or globs, got {sources!r}\n"
            "Hint: such as 'corpus/*.parquet', or a list of paths."
        )
        raise OptionTypeError(msg)
    if not named:
        msg = "`sources` is empty\nHint: name files, folders or globs."
        raise OptionError(msg)
    return [os.fspath(source) for source in named]


def _is_within(file: Path, output: Path, source: str) -> bool:
    """Say whether a file of `source` is the output, or lies in the output folder.

    False if `source` itself is that folder or lies in it: then it is meant to be read.
    """
    output = output.resolve()
    if output in [Path(source).resolve(), *Path(source).resolve().parents]:
        return False
    return output in [file.resolve(), *file.resolve().parents]


def _files_of(source: str) -> list[Path]:
    """Return the files of one source, in any order."""
    if not source:
        msg = "a source has an empty name\nHint: is a variable of the shell unset?"
        raise OptionError(msg)
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        return [
            file
            for file in path.rglob("*")
            if file.suffix.lower() in SCANNERS
            and file.is_file()
            and not any(
                part.startswith((".", "_")) for part in file.relative_to(path).parts
            )
        ]
    names = glob.glob(source, recursive=True)  # noqa: PTH207 -- absolute ones too
    return [Path(name) for name in names if Path(name).is_file()]


def _natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return a key for sorting by the numbers in a name: part-2 before part-10."""
    name = str(path)
    pieces: list[tuple[int, int | str]] = [
        (0, int(piece)) if number % 2 else (1, piece)
        for number, piece in enumerate(re.split(r"([0-9]+)", name))
    ]
    return pieces, name
