"""Sources: the names of files, folders and globs -> files, in the order of reading."""

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from fastpack.errors import OptionError, OptionTypeError, SourceNotFoundError
from fastpack.files.formats.registry import (
    BY_SUFFIX,
    is_folder_source,
    is_source,
    parse_format,
    source_of,
    suffix_of,
)
from fastpack.files.object_sources import find_objects
from fastpack.option_checks import show
from fastpack.storage.access import real_paths
from fastpack.storage.location import (
    HIDDEN_IN_FOLDERS,
    Location,
    StrPath,
    Url,
    check_storage_options,
    expand_home,
    is_url,
    parse_url,
)

_HIDDEN = (".",)
"""The first characters of names that no pattern matches, as in a shell."""


def find_sources(
    sources: StrPath | Sequence[StrPath],
    output: Location | None = None,
    source_format: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> list[Location]:
    """Find the files of all sources, in the order of reading.

    That is the order of the list; within a folder or a glob, the plain order of the
    paths, character by character: part-10 before part-2. Polars reads folders and globs
    in this order: rows have the same numbers there.

    A folder gives all files below it of a known suffix, except those whose name, or
    that of a folder in between, begins with a dot or an underscore; a glob, as in a
    shell, no name that begins with a dot. A file that belongs to a source beside it is
    none itself, and a folder that is a source by itself is not looked into; what they
    are, the formats say (`source_format`, if one is named: lengths in .npy files, and
    flat .bin files, are sources of a folder only then). Links are followed. What cannot
    be followed or listed is refused, and so is a folder with sources that a glob
    matches, such as Spark's ``x.parquet/``: no source is left out silently. The
    `output` of an earlier run, a file or a folder, is left out if it lies in a folder
    or a glob.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A source is no name, names no file, cannot be reached, or a file is named twice;
        or there is no such format.
    """
    paths: list[Location] = []
    left_out = os.path.realpath(output) if isinstance(output, Path) else None
    options = check_storage_options(storage_options)
    if source_format is not None:
        parse_format(source_format)
    for source in _as_names(sources):
        found: Sequence[Location]
        if is_url(source):
            found = find_objects(parse_url(source, options), output, source_format)
        else:
            found = _files_of(source, left_out, source_format)
        if not found:
            raise _not_found(source, source_format)
        if source_format is None:
            found = list({source_of(path) for path in found})
        paths += sorted(found, key=str)
    if len({isinstance(path, Url) for path in paths}) > 1:
        msg = (
            "some sources are files of this machine, others are in an object store\n"
            "Hint: pack each kind by itself."
        )
        raise OptionError(msg)
    named: dict[str | Url, Location] = {}
    for path, real in zip(paths, real_paths(paths), strict=True):
        check_name(path.absolute())
        other = named.setdefault(real, path)
        if other is not path:
            msg = (
                f"a source is named twice: {other}"
                + (f", which is {path}" if path != other else "")
                + "\nHint: name each file once; links count too."
            )
            raise OptionError(msg)
    return paths


def _not_found(source: str, source_format: str | None) -> SourceNotFoundError:
    is_folder = is_url(source) or Path(source).is_dir()
    what = "in" if is_folder else "matches"
    hint = f"a source is a file, a folder or a glob of {', '.join(BY_SUFFIX)} files"
    if is_folder:
        hint += (
            "; in a folder, .npy and .bin files are sources only if their format is "
            "named (--source-format)"
        )
    if source_format is not None:
        each, _ = parse_format(source_format)
        names = ", ".join((*each.suffixes, *each.markers))
        hint = (
            f"the format {each.name}, which was named (--source-format), limits "
            f"sources to {names}; leave it out for those of all formats"
        )
    msg = f"no file that can be read {what} {source}\nHint: {hint}."
    return SourceNotFoundError(msg)


def check_name(path: Location) -> None:
    """Refuse a name that Polars cannot write."""
    if any("\udc80" <= char <= "\udcff" for char in str(path)):
        msg = f"the name of a file or folder is not UTF-8: {path!r}\nHint: rename it."
        raise OptionError(msg)


def _as_names(sources: StrPath | Sequence[StrPath]) -> list[str]:
    """Return the names of one source, or of several, as a list."""
    kinds = (str, os.PathLike)
    named = [sources] if isinstance(sources, kinds) else sources
    if not isinstance(named, Sequence) or not all(
        isinstance(source, kinds) for source in named
    ):
        msg = (
            f"`sources` must be files, folders or globs, got {show(sources)}\n"
            "Hint: such as 'corpus/*.parquet', or a list of paths."
        )
        raise OptionTypeError(msg)
    if not named:
        msg = "`sources` is empty\nHint: name files, folders or globs."
        raise OptionError(msg)
    return [expand_home(os.fspath(source)) for source in named]


def _files_of(source: str, output: str | None, source_format: str | None) -> list[Path]:
    """Return the files of one source that are not of the output, in any order."""
    if not source:
        msg = "a source has an empty name\nHint: is a variable of the shell unset?"
        raise OptionError(msg)
    path = Path(source)
    is_there = _is_there(path)
    if is_there and not _is_folder(path):
        return [path]
    if not is_there and not glob.has_magic(source):
        msg = (
            f"no such file or folder: {source}\n"
            "Hint: a source is a file, a folder or a glob; is the path right?"
        )
        raise SourceNotFoundError(msg)
    matches = [path] if is_there else _matches(source)
    if output is not None and not _is_within(path, output):
        matches = [match for match in matches if not _is_within(match, output)]
    else:
        output = None  # the source is that folder or lies in it: it is meant to be read
    files = {match for match in matches if not _is_folder(match)}
    for folder in matches:
        if folder in files or (
            folder != path and folder.name.startswith(HIDDEN_IN_FOLDERS)
        ):
            continue
        below = list(_files_below(folder, output, source_format))
        if is_there or source.endswith("/"):  # folders are named
            files.update(below)
        elif left_out := next((file for file in below if file not in files), None):
            msg = (
                f"{source} matches a folder of sources, not the files in it: {folder}\n"
                "Hint: name folders, or write a glob that matches files: "
                f"{source}/*{suffix_of(left_out)}, or **/*{suffix_of(left_out)}."
            )
            raise OptionError(msg)
    return list(files)


def _files_below(
    folder: Path, output: str | None, source_format: str | None
) -> Iterator[Path]:
    """Give the sources below a folder that are not of the output."""
    for path in _walk(folder, HIDDEN_IN_FOLDERS):
        if _is_folder(path) or not is_source(path, source_format):
            continue
        if output is None or not _is_within(path, output):
            yield path


def _is_within(path: Path, output: str) -> bool:
    """Say whether a path leads to the output, or into its folder."""
    return f"{os.path.realpath(path)}{os.sep}".startswith(f"{output}{os.sep}")


def _matches(pattern: str) -> list[Path]:
    """Return the matches of a glob.

    `glob.glob` passes over folders that it may not list, and over broken links on the
    way.
    """
    anchor = Path(pattern).anchor
    parts = Path(pattern).parts[bool(anchor) :]
    found = [Path(anchor)]
    for number, part in enumerate(parts, 1):
        if part == "**":
            below = [file for path in found for file in _walk(path, _HIDDEN)]
            if number < len(parts):
                below = list(filter(_is_folder, below))
            found = [*found, *below]
        elif glob.has_magic(part):
            hidden = () if part.startswith(_HIDDEN) else _HIDDEN
            found = [
                entry
                for path in found
                if _is_folder(path)
                for entry in _entries(path, hidden)
                if fnmatch.fnmatchcase(entry.name, part)
            ]
        else:
            found = [path / part for path in found if _is_there(path / part)]
    return [path for path in found if _is_folder(path) or not pattern.endswith("/")]


def _walk(
    folder: Path, hidden: tuple[str, ...], above: Sequence[os.stat_result] = ()
) -> Iterator[Path]:
    """Give all files and folders below a folder; `above` are the folders around it."""
    status = _status(folder)
    if any(os.path.samestat(status, other) for other in above):
        _refuse(folder, "a link to a folder that it lies in")
    for path in _entries(folder, hidden):
        yield path
        if _is_folder(path):
            yield from _walk(path, hidden, [*above, status])


def _entries(folder: Path, hidden: tuple[str, ...]) -> list[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        _refuse(folder, error.strerror)
    return [entry for entry in entries if not entry.name.startswith(hidden)]


def _is_there(path: Path) -> bool:
    """Say whether there is such a file, folder or link, broken or not."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        _refuse(path, error.strerror)
    return True


def _is_folder(path: Path) -> bool:
    """Say whether a path is a folder, not a source; refuse what is neither."""
    mode = _status(path).st_mode
    if stat.S_ISDIR(mode):
        return not is_folder_source(path)
    if not stat.S_ISREG(mode):
        _refuse(path, "it is neither a file nor a folder")
    return False


def _status(path: Path) -> os.stat_result:
    """Return the status of what is at the end of all links."""
    try:
        return path.stat()
    except OSError as error:
        _refuse(path, "a broken link" if path.is_symlink() else error.strerror)


def _refuse(path: Path, why: str | None) -> NoReturn:
    msg = (
        f"a source cannot be reached: {path}: {why}\n"
        "Hint: repair it, or name the sources without it."
    )
    raise SourceNotFoundError(msg)
