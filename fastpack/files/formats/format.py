"""Format: what the package knows of a format, and what it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import polars as pl

from fastpack.errors import OptionError
from fastpack.files.formats.document_file import DocumentFile
from fastpack.files.formats.writing import Writer
from fastpack.storage.location import Location, Url


class Request(NamedTuple):
    """The request for the documents of a source.

    Parameters
    ----------
    length
        The name of the column of lengths (or of token lists); None if that is an
        expression.
    labels
        The names of the columns that are kept or form groups: text that is passed on.
    settings
        The settings that follow the name of the format, by name: ``flat:end=0`` gives
        ``{"end": "0"}``.
    """

    length: str | None = None
    labels: Sequence[str] = ()
    settings: Mapping[str, str] = {}

    def integer(self, name: str) -> int:
        """Return a setting that is a number."""
        try:
            return int(self.settings[name])
        except ValueError:
            msg = (
                f"`{name}` of the format must be an integer, got "
                f"{self.settings[name]!r}\nHint: such as {name}=0."
            )
            raise OptionError(msg) from None


ObjectOpener: TypeAlias = Callable[[Url, Request], pl.LazyFrame]
"""Opens a source in an object store, as an `Opener` one of this machine."""

Opener: TypeAlias = Callable[[Path, Request], pl.LazyFrame | DocumentFile]
"""Opens a source, whose name is literal: no pattern, whatever "*" means elsewhere.

It returns a `DocumentFile` if the file says where each document lies, or a lazy frame

- of the rows in the order of the file, the same at each collection: packing reads a
  source twice;
- with at least the columns that the file has; columns that are not selected later cost
  nothing, if the format allows it;
- whose dtypes do not depend on the rows, even if there are none: labels of the same
  dtype in all files of a corpus, integers as lengths.

A damaged file may raise DataError, PolarsError, OSError or UnicodeError, here or when
its documents are read: `reading.errors_name` adds its path.
"""


class Part(NamedTuple):
    """A part of a source that is best read as a whole.

    Parameters
    ----------
    rows
        Its rows.
    values
        The values in a column of lists.
    """

    rows: int
    values: int


class Format(NamedTuple):
    """A format of sources.

    Parameters
    ----------
    name
        Its name, for `source_format` and `output_format`.
    title
        Its title, for people.
    suffixes
        The suffixes of its files, in lower case.
    open
        Opens a source; None if the format is written only.
    parts
        Called with a path and the name of a column of lists; gives the parts of the
        source without reading the column. None if the format does not say.
    finds
        Says whether a file of such a suffix is of the format, if others have it too.
    settings
        The names of the settings that may follow the name of the format.
    in_folders
        Whether its files in folders are sources without being named.
    companion
        The suffix of a file beside each source, which belongs to it.
    markers
        The files that make a folder a source of the format.
    has_tokens
        Whether its sources may have the tokens of documents, not lengths alone.
    write
        Writes training sequences; None if the format is read only.
    output_suffix
        The suffix of outputs that are of this format unless another one is named.
    holds
        The columns that outputs hold beside the tokens; None for all.
    open_object
        Opens a source in an object store; None if it must lie on this machine.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    open: Opener | None = None
    parts: Callable[[Location, str], list[Part]] | None = None
    finds: Callable[[Path], bool] = lambda _: True
    settings: tuple[str, ...] = ()
    in_folders: bool = True
    companion: str | None = None
    markers: tuple[str, ...] = ()
    has_tokens: bool = True
    write: Writer | None = None
    output_suffix: str | None = None
    holds: tuple[str, ...] | None = None
    open_object: ObjectOpener | None = None
