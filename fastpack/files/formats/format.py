"""Format: what the package knows of a format, and what its scanner is asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import polars as pl


class Request(NamedTuple):
    """The question to a scanner.

    Parameters
    ----------
    length
        The name of the column of lengths (or of token lists); None if that is an
        expression.
    labels
        The names of the columns that are kept or form groups: text that is passed on.
    settings
        What was said with the name of the format, by name: ``flat:end=0`` gives
        ``{"end": "0"}``.
    """

    length: str | None = None
    labels: Sequence[str] = ()
    settings: Mapping[str, str] = {}


Scanner: TypeAlias = Callable[[Path, Request], pl.LazyFrame]
"""Opens a source, whose name is literal: no pattern, whatever "*" means elsewhere.

It returns a lazy frame

- of the rows in the order of the file, the same at each collection: packing reads a
  source twice;
- with at least the columns that the file has; columns that are not selected later cost
  nothing, if the format allows it;
- whose dtypes do not depend on the rows, even if there are none: labels of the same
  dtype in all files of a corpus, integers as lengths.

A damaged file may raise DataError, PolarsError, OSError or UnicodeError, here or when
the frame is collected: `reading.errors_name` adds its path.
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
        Its name for ``--format``.
    title
        What it is, for people.
    suffixes
        The suffixes of its files, in lower case.
    scan
        Its scanner.
    parts
        Called with a path and the name of a column of lists; gives the parts of the
        source without reading the column. None if the format does not say.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    scan: Scanner
    parts: Callable[[Path, str], list[Part]] | None = None
