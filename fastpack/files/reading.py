"""Reading: a source of any known format -> its documents, lazily."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from fastpack.documents.batches import (
    Batch,
    Documents,
    join_batches,
    select_documents,
)
from fastpack.documents.counter import count_documents
from fastpack.documents.grouped_histogram import Histogram, sum_histograms
from fastpack.documents.inputs import (
    LENGTHS,
    Keep,
    as_expression,
    as_list,
    check_names,
)
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import DataError, DataTypeError, OptionError, StorageError
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source, suffix_of
from fastpack.files.partitions import Partition, find_partitions
from fastpack.storage.location import Location, Url
from fastpack.storage.objects import version_of


class Selection(NamedTuple):
    """The columns that are read of each source.

    Parameters
    ----------
    length
        The column of lengths, by name or as an expression.
    keep
        The columns that identify a document, or None.
    token_lists
        Whether `length` names a column of token lists, whose lengths are taken.
    by
        The columns of the rule `by`, by name.
    source_format
        The format of all sources, with its settings; None finds that of each.
    partitions
        Those of `keep` and `by` that are in the names of folders, if not in a file.
    """

    length: str | pl.Expr
    keep: Keep | None = None
    token_lists: bool = False
    by: tuple[str, ...] = ()
    source_format: str | None = None
    partitions: tuple[Partition, ...] = ()

    def of_sources(self, paths: Sequence[Location]) -> "Selection":
        """Return the columns of some sources, with the partitions among them."""
        labels = dict.fromkeys(self.labels())
        return self._replace(partitions=find_partitions(paths, list(labels)))

    def as_dict(self) -> dict[str, object]:
        """Return the columns as JSON can hold them; `by` is one of the options.

        Raises OptionError if an expression has no lasting identity.
        """
        kept = None if self.keep is None else list(map(_column_id, as_list(self.keep)))
        described: dict[str, object] = {
            "length": _column_id(self.length),
            "keep": kept,
            "token_lists": self.token_lists,
        }
        if self.source_format is not None:
            described["source_format"] = self.source_format
        if self.partitions:
            described["partitions"] = [list(each) for each in self.partitions]
        return described

    def labels(self) -> list[str]:
        """Return the columns of `keep` and `by` that have a name."""
        kept = [] if self.keep is None else as_list(self.keep)
        return [name for name in (*kept, *self.by) if isinstance(name, str)]


def _column_id(column: str | pl.Expr) -> str:
    """Return a text that identifies a column.

    The print of an expression leaves out some of its arguments: hence the hash.
    """
    if not isinstance(column, pl.Expr):
        return str(column)  # a wrong type is refused with its source
    try:
        serialized = column.meta.serialize()
    except PolarsError as error:
        msg = (
            f"an expression that cannot be told from others: {column}\n"
            "Hint: Python functions have no lasting identity; use Polars' own "
            "expressions, or write the column to the files first."
        )
        raise OptionError(msg) from error
    return f"{column} #{hashlib.sha256(serialized).hexdigest()[:8]}"


def scan_columns(
    path: Location, columns: Selection, rows: range | None = None
) -> pl.LazyFrame:
    """Scan a source: all its columns, and its partitions among those that are read.

    `rows` are those that are scanned, neighbouring ones; None is all.
    """
    name = columns.length if isinstance(columns.length, str) else None
    request = Request(name, columns.labels())
    frame = scan_source(path, request, columns.source_format, rows)
    if columns.partitions:
        present = frame.collect_schema().names()
        frame = frame.with_columns(
            pl.lit(each.value_of(path)).first().alias(each.name)
            for each in columns.partitions
            if each.name not in present
        )
    return frame


def scan_documents(path: Location, columns: Selection) -> Documents:
    """Scan the documents of a source: the columns that packing reads, no others.

    Raises
    ------
    DataError, DataTypeError, OptionError
        The file is not of the format of its suffix, or has no such columns.
    """
    frame = scan_columns(path, columns)
    length = columns.length
    if columns.token_lists:
        length = lengths_of_lists(frame.collect_schema(), str(length))
    return select_documents(frame, length, columns.keep, columns.by)


@contextmanager
def scanning_all(paths: Sequence[Location], columns: Selection) -> Iterator[Documents]:
    """Scan several sources as one, one after the other; errors name the wrong one."""
    columns = columns.of_sources(paths)
    documents = _scan_all(paths, columns)

    def scan(path: Location) -> pl.LazyFrame:
        return scan_documents(path, columns).frame

    with errors_find_source(paths, scan, columns.source_format):
        yield documents


def _scan_all(paths: Sequence[Location], columns: Selection) -> Documents:
    scanned: list[Documents] = []
    for path in paths:
        with errors_name(path, columns.source_format):
            scanned.append(scan_documents(path, columns))
            _check_same_labels(scanned[0], scanned[-1])
    # Lengths may be integers of different widths.
    frames = [
        each.frame.with_columns(as_expression(LENGTHS).cast(pl.Int64))
        for each in scanned
    ]
    return scanned[0]._replace(frame=pl.concat(frames))


def read_batch(paths: Sequence[Location], columns: Selection) -> Batch:
    """Read all documents into memory, as one batch.

    Raises
    ------
    DataError, DataTypeError
        A file is not of the format of its suffix, has no such columns, or has lengths
        that cannot be packed. The message names it.
    """
    columns = columns.of_sources(paths)
    batches: list[Batch] = []
    for path in paths:
        with errors_name(path, columns.source_format):
            batches.append(scan_documents(path, columns).read())
            _check_same_labels(batches[0], batches[-1])
    return join_batches(batches)


def count_sources(
    paths: Sequence[Location], columns: Selection, block_documents: int | None = None
) -> Histogram:
    """Count the lengths of all documents, batch by batch; raise as `read_batch`."""
    columns = columns.of_sources(paths)
    histograms: list[Histogram] = []
    n_documents = 0
    first = None
    for path in paths:
        with errors_name(path, columns.source_format):
            documents = scan_documents(path, columns)
            first = first or documents
            _check_same_labels(first, documents)
            counted = count_documents(documents, block_documents, n_documents)
            histograms.append(counted)
            n_documents += counted.n_documents
    return sum_histograms(histograms)


@contextmanager
def errors_name(path: Location, source_format: str | None = None) -> Iterator[None]:
    """Name the source in each error about it; its format, if one was named."""
    try:
        yield
    except (DataError, DataTypeError, OptionError) as error:
        msg = f"{path}: {error}"
        raise type(error)(msg) from error
    except StorageError:
        raise
    except (PolarsError, PanicException, UnicodeError, OSError) as error:
        if isinstance(path, Url):
            version_of(path)  # the reason, if the store does not answer
        read_as = source_format or suffix_of(path) or "a folder of a dataset"
        origin = "named (--source-format)" if source_format else "taken from the suffix"
        msg = (
            f"{path} cannot be read as {read_as}: {error}\n"
            f"Hint: the format is {origin}; is the file damaged, or of another format?"
        )
        raise DataError(msg) from error


@contextmanager
def errors_find_source(
    paths: Sequence[Location],
    scan: Callable[[Location], pl.LazyFrame],
    source_format: str | None = None,
) -> Iterator[None]:
    """Name the source in errors of Polars about several that are read as one.

    Polars does not say which one it is: then each is read by itself, up to that one.
    """
    try:
        yield
    except (PolarsError, PanicException):
        for path in paths:
            with errors_name(path, source_format):
                for _ in collect_in_batches(scan(path)):
                    pass
        raise


def _check_same_labels(first: Documents | Batch, other: Documents | Batch) -> None:
    """Refuse columns `keep` and `by` that are not those of the first source."""
    check_same_columns("by", first.by.schema, other.by.schema)
    if first.kept is not None and other.kept is not None:
        check_same_columns("keep", first.kept.schema, other.kept.schema)


def check_same_columns(
    parameter: str, first: Mapping[str, object], other: Mapping[str, object]
) -> None:
    """Refuse columns of other dtypes, or in another order, than the first source."""
    for name in {**first, **other}:
        if first.get(name) != other.get(name):
            msg = (
                f"`{parameter}` column {name!r} is {other.get(name, 'absent')} here, "
                f"{first.get(name, 'absent')} in the first source\n"
                "Hint: give it the same type in all of them."
            )
            raise DataTypeError(msg)
    if list(first) != list(other):
        msg = (
            f"`{parameter}` selects columns in the order {list(other)} here, "
            f"{list(first)} in the first source\n"
            "Hint: name them, in place of a selector."
        )
        raise DataTypeError(msg)


def lengths_of_lists(schema: Mapping[str, pl.DataType], column: str) -> pl.Expr:
    """Return the expression for the lengths of a column of token lists."""
    check_names(list(schema), "tokens", [column])
    dtype = schema[column]
    if isinstance(dtype, pl.Array):
        return as_expression(column).arr.to_list().list.len()
    if isinstance(dtype, pl.List):
        return as_expression(column).list.len()
    msg = (
        f"`tokens` must name a column of lists, {column!r} is {dtype}\n"
        "Hint: a column of lengths goes to --length."
    )
    raise DataTypeError(msg)
