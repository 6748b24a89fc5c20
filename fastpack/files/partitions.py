"""Partitions: the columns that Hive-like folders hold in their names, ``lang=en/``.

Polars reads those of a folder as columns of its files. Here they are what `keep` and
`by` name and the files do not have, in any kind of file, folder or glob. Their types
are those that Polars finds, by the values of all files.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import polars as pl

from fastpack.errors import DataError
from fastpack.storage.location import Location

_NULLS = ("", "__HIVE_DEFAULT_PARTITION__")


class Partition(NamedTuple):
    """A column that is the same for all documents of a file.

    Parameters
    ----------
    name
        Its name, before the "=" of a folder.
    dtype
        Its type in all files, as the name of a class of Polars.
    """

    name: str
    dtype: str

    def value_of(self, path: Location) -> pl.Series:
        """Return the value for a file, in a Series of this name."""
        values = _values(path)
        if self.name not in values:
            msg = (
                f"no folder on the way to this file is named {self.name}=..., as for "
                "the first source\nHint: name the same folders on the way to all files."
            )
            raise DataError(msg)
        return _parse(self.name, [values[self.name]], getattr(pl, self.dtype)())


def find_partitions(
    paths: Sequence[Location], names: Sequence[str]
) -> tuple[Partition, ...]:
    """Return those of the names that are partitions of the first source."""
    partitions = []
    for name in names:
        if name in _values(paths[0]):
            values = {_values(path).get(name): None for path in paths}
            dtype = _parse(name, list(values)).dtype
            partitions.append(Partition(name, str(dtype.base_type())))
    return tuple(partitions)


def _values(path: Location) -> Mapping[str, str | None]:
    """Return the values in the names of the folders on the way to a file."""
    pairs = (part.split("=", 1) for part in path.absolute().parts[:-1] if "=" in part)
    return {name: None if value in _NULLS else unquote(value) for name, value in pairs}


def _parse(
    name: str, texts: Sequence[str | None], dtype: pl.DataType | None = None
) -> pl.Series:
    """Turn texts into values of a type, or of that which Polars finds for a CSV file.

    It finds the types of partitions in the same way.
    """
    column = pl.Series(name, texts, dtype=pl.String)
    if dtype == pl.String:
        return column
    lines = pl.DataFrame([column]).write_csv(
        include_header=False, quote_style="never", separator="\x1f"
    )
    return pl.read_csv(
        lines.encode(),
        has_header=False,
        new_columns=[name],
        schema=None if dtype is None else {name: dtype},
        quote_char=None,
        separator="\x1f",
        infer_schema_length=None,
        try_parse_dates=True,
    ).to_series()
