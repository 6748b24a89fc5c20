"""The registry: all formats, and which is that of a file."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fastpack.errors import DataError, OptionError, OptionTypeError
from fastpack.files.formats.arrow import ARROW
from fastpack.files.formats.csv import CSV
from fastpack.files.formats.datatrove import DATATROVE
from fastpack.files.formats.document_file import DocumentFile, beside
from fastpack.files.formats.flat import FLAT
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.hugging_face import HUGGING_FACE
from fastpack.files.formats.mds import MDS
from fastpack.files.formats.megatron import MEGATRON
from fastpack.files.formats.ndjson import NDJSON
from fastpack.files.formats.nemo import NEMO
from fastpack.files.formats.npy import NPY, NPY_LENGTHS, NPY_OFFSETS
from fastpack.files.formats.olmo import OLMO
from fastpack.files.formats.parquet import PARQUET
from fastpack.files.formats.webdataset import WEBDATASET
from fastpack.storage.location import Location, Url

FORMATS = (
    PARQUET,
    ARROW,
    CSV,
    NDJSON,
    MEGATRON,
    DATATROVE,
    HUGGING_FACE,
    OLMO,
    NPY,
    NPY_LENGTHS,
    NPY_OFFSETS,
    FLAT,
    WEBDATASET,
    MDS,
    NEMO,
)

BY_NAME: Mapping[str, Format] = {each.name: each for each in FORMATS}

_READ = [each.name for each in FORMATS if each.open is not None]
"""The names of the formats of sources; the others are written alone."""

BY_SUFFIX: Mapping[str, list[Format]] = {
    suffix: [each for each in FORMATS if suffix in each.suffixes]
    for suffix in dict.fromkeys(suffix for each in FORMATS for suffix in each.suffixes)
}
"""The formats that have a suffix, in lower case: each file is of the first it is of."""


def suffix_of(path: Location) -> str:
    """Return the suffix of a source, as it is written: two of a compressed one."""
    if isinstance(path, Path) and is_folder_source(path):
        return ""
    two = "".join(path.suffixes[-2:])
    return two if two.lower() in BY_SUFFIX else path.suffix


def parse_format(said: str) -> tuple[Format, dict[str, str]]:
    """Split ``name:setting=value,...`` into a format and its settings.

    Raises
    ------
    OptionError, OptionTypeError
        There is no such format, it is not read, or it has no such setting.
    """
    if not isinstance(said, str):
        msg = (
            f"`source_format` must be the name of a format, got {said!r}\n"
            "Hint: such as 'npy-offsets', or 'flat:dtype=uint16,end=50256'."
        )
        raise OptionTypeError(msg)
    name, _, rest = said.partition(":")
    if name not in BY_NAME:
        msg = (
            f"`source_format` names no format that is known: {name!r}\n"
            f"Hint: those that are read are {', '.join(_READ)}."
        )
        raise OptionError(msg)
    found = BY_NAME[name]
    if name not in _READ:
        msg = (
            f"the format {name} is written, and not read\n"
            f"Hint: those that are read are {', '.join(_READ)}."
        )
        raise OptionError(msg)
    settings: dict[str, str] = {}
    for part in rest.split(",") if rest else ():
        key, _, value = part.partition("=")
        if key not in found.settings or not value:
            known = ", ".join(f"{each}=..." for each in found.settings) or "none"
            msg = (
                f"`source_format` has a setting that {name} does not have: {part!r}\n"
                f"Hint: the settings of {name} are: {known}."
            )
            raise OptionError(msg)
        settings[key] = value
    return found, settings


def is_source(path: Location, said: str | None = None) -> bool:
    """Say whether a file in a folder is a source: of a format that is known, or said.

    What lies beside a source, and belongs to it, is none.
    """
    if said is not None:
        named, _ = parse_format(said)
        has_suffix = suffix_of(path).lower() in named.suffixes
        return has_suffix or (isinstance(path, Path) and _is_marked(path, named))
    found = _find(path)
    return found is not None and found.in_folders and source_of(path) == path


def source_of(path: Location) -> Location:
    """Return the source that a file belongs to: itself, if not to another one."""
    if isinstance(path, Url):
        return path
    for each in FORMATS:
        if each.companion and path.name.endswith(each.companion):
            source = beside(path, each.companion, each.suffixes[0])
            if source.is_file() and each.finds(source):
                return source
    return path


def files_of(source: Path) -> list[Path]:
    """Return the files that a source is read from: itself, or those in its folder."""
    if source.is_dir():
        return sorted(path for path in source.iterdir() if path.is_file())
    found = _find(source)
    if found is None or found.companion is None:
        return [source]
    companion = beside(source, found.suffixes[0], found.companion)
    return [source, companion] if companion.is_file() else [source]


def is_folder_source(path: Path) -> bool:
    """Say whether a folder is a source by itself, as a file is."""
    return any(_is_marked(path, each) for each in FORMATS if each.markers)


def scan_source(
    path: Location,
    request: Request,
    said: str | None = None,
    rows: range | None = None,
) -> pl.LazyFrame:
    """Scan the documents of a file, or those of some neighbouring rows.

    Parameters
    ----------
    path, request
        The file, and what is asked of it.
    said
        The format of the file, with its settings; None finds it.
    rows
        The rows. In formats that say where each lies, those before cost nothing.

    Raises
    ------
    DataError
        The suffix is unknown.
    OptionError, OptionTypeError
        There is no such format, or it is not read.
    """
    found = format_of(path, said)
    if isinstance(path, Url):
        return _scan_object(path, found, request, rows)
    if said is not None:
        request = request._replace(settings=parse_format(said)[1])
    assert found.open is not None  # noqa: S101 -- one that is read
    opened = found.open(path, request)
    if isinstance(opened, DocumentFile):
        return opened.scan(rows)
    return opened if rows is None else opened.slice(rows.start, len(rows))


def _scan_object(
    url: Url, found: Format, request: Request, rows: range | None
) -> pl.LazyFrame:
    """Scan the documents of an object, or those of some neighbouring rows."""
    if found.open_object is None:
        msg = (
            f"the format {found.name} is not read from an object store\n"
            "Hint: copy it to a disk first."
        )
        raise OptionError(msg)
    frame = found.open_object(url, request)
    return frame if rows is None else frame.slice(rows.start, len(rows))


def format_of(path: Location, said: str | None = None) -> Format:
    """Return the format of a file: see `scan_source`."""
    found = _find(path) if said is None else parse_format(said)[0]
    if found is None:
        msg = (
            f"the suffix {path.suffix!r} is unknown\n"
            f"Hint: sources are {', '.join(BY_SUFFIX)} files; others, if their format "
            "is named: --source-format (source_format)."
        )
        raise DataError(msg)
    return found


def _find(path: Location) -> Format | None:
    """Return the format of a file or folder, by its suffix and its first bytes."""
    with_suffix = BY_SUFFIX.get(suffix_of(path).lower(), ())
    if isinstance(path, Url):
        return next((each for each in with_suffix if each.open_object), None)
    for each in with_suffix:
        if each.finds(path):
            return each
    return next((each for each in FORMATS if _is_marked(path, each)), None)


def _is_marked(path: Path, each: Format) -> bool:
    """Say whether a folder has the files that make it a source of a format."""
    return bool(each.markers) and all((path / name).is_file() for name in each.markers)
