"""Sources: files, folders and globs by name -> files, in the order of reading."""

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
    """Turn files, folders and globs into files, in the order in which they are read.

    Sources come as they are listed; the files of a folder or a glob by name, naturally:
    part-2 before part-10. A folder gives all files below it whose suffix is known,
    but for those whose name, or a folder's below it, begins with a dot or underscore.
    Where the `output` of an earlier run, a file or a folder, lies among them, it is
    left out.
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
    """Turn one source, or several, into several."""
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
    """Say whether a file of `source` is the output, or in a folder that is.

    Not where `source` is itself that folder, or in it: it was meant to be read.
    """
    output = output.resolve()
    if output in [Path(source).resolve(), *Path(source).resolve().parents]:
        return False
    return output in [file.resolve(), *file.resolve().parents]


def _files_of(source: str) -> list[Path]:
    """Return the files that one source stands for, in any order."""
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
    """Order digits by the number they make: part-2 before part-10."""
    name = str(path)
    pieces: list[tuple[int, int | str]] = [
        (0, int(piece)) if number % 2 else (1, piece)
        for number, piece in enumerate(re.split(r"([0-9]+)", name))
    ]
    return pieces, name
