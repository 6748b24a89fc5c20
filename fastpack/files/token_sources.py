"""Sources of tokens: the size of their parts, and the documents of a block."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from fastpack.documents.groups import select_by
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import DataError
from fastpack.files.formats.format import Part
from fastpack.files.formats.registry import format_of
from fastpack.files.reading import (
    Selection,
    check_same_columns,
    errors_name,
    lengths_of_lists,
    scan_columns,
)
from fastpack.files.token_blocks import Source, Span, check_block_size, cut_evenly
from fastpack.forks import refuse_forked
from fastpack.storage.access import has_ranges
from fastpack.storage.location import Location
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.selection import group_columns, select_documents
from fastpack.tokens.sequence_options import SequenceOptions


class TokenSelection(NamedTuple):
    """The columns that are read of each source.

    Parameters
    ----------
    sequences
        The options of the sequences.
    documents
        The tokens as packing counts them, and the columns `keep` and `by`.
    """

    sequences: SequenceOptions
    documents: Selection

    def as_dict(self) -> dict[str, object]:
        """Return the columns as JSON can hold them; `by` is one of the options."""
        described = self.documents.as_dict()
        del described["length"], described["token_lists"]
        columns = list(self.sequences.columns)
        return {"tokens": self.sequences.tokens, "columns": columns, **described}

    def scan(self, path: Location, rows: range | None = None) -> pl.LazyFrame:
        """Scan documents of a source, all or some: these columns, no others."""
        frame = scan_columns(path, self.documents, rows)
        return select_documents(frame, self.sequences, self.documents.by)

    def of_sources(self, paths: Sequence[Location]) -> "TokenSelection":
        """Return the columns of some sources, with the partitions among them."""
        return self._replace(documents=self.documents.of_sources(paths))

    def dtypes_of(self, schema: pl.Schema) -> dict[str, dict[str, str]]:
        """Return the dtypes of what was scanned, by parameter and name."""
        tokens, columns = self.sequences.tokens, self.sequences.columns
        by = group_columns(pl.DataFrame(schema=schema), self.documents.by).schema
        dtypes: dict[str, dict[str, str]] = {"tokens": {}, "columns": {}, "keep": {}}
        dtypes["by"] = {name: str(dtype) for name, dtype in by.items()}
        for name, dtype in schema.items():
            if not name.startswith("\0"):  # of `by`, under another name
                is_list = "tokens" if name == tokens else "columns"
                kind = is_list if name in (tokens, *columns) else "keep"
                dtypes[kind][name] = str(dtype)
        return dtypes

    def check(self, documents: pl.DataFrame, first_row: int) -> int:
        """Refuse documents that cannot be packed; return the number of their tokens.

        The first has this row number.
        """
        tokens = ListColumn(documents[self.sequences.tokens], first_row)
        others = [ListColumn(documents[n], first_row) for n in self.sequences.columns]
        for column in (tokens, *others):
            column.check_lockstep(tokens.name, tokens.lengths)
            for _ in column.parts():  # they have no nulls, or this raises an error
                pass
        by = self.documents.by
        select_by(group_columns(documents, by), by, first_row)
        return int(tokens.lengths.cast(pl.Int64).sum())


class CountedSource(NamedTuple):
    """The size of a source.

    Parameters
    ----------
    parts
        The parts that are best read as a whole, in their order, such as row groups.
    dtypes
        The dtypes of the columns that are read, by the parameter that names them, and
        by name.
    """

    parts: list[Part]
    dtypes: dict[str, dict[str, str]]

    @property
    def rows(self) -> int:
        """The documents of the source."""
        return sum(part.rows for part in self.parts)


def check_same_dtypes(
    first: dict[str, dict[str, str]], other: dict[str, dict[str, str]]
) -> None:
    """Refuse the columns of a source that have other dtypes than those of the first."""
    for parameter, dtypes in other.items():
        check_same_columns(parameter, first[parameter], dtypes)


def count_source(source: Source, columns: TokenSelection) -> CountedSource:
    """Count the documents and the tokens of the parts of a source.

    Parquet says both without being read. In other formats the lists are read.
    """
    return _count(source, columns, _parts_of_lists)


def count_source_rows(source: Source, columns: TokenSelection) -> CountedSource:
    """Count the documents of a source; the tokens only if its format says them."""
    return _count(source, columns, _one_part)


def _count(
    source: Source,
    columns: TokenSelection,
    count: Callable[[pl.LazyFrame, str], list[Part]],
) -> CountedSource:
    """Count by the format of the source, or by reading if that does not say."""
    refuse_forked()
    path = source.path
    tokens = columns.sequences.tokens
    with errors_name(path, columns.documents.source_format):
        dtypes = columns.dtypes_of(columns.scan(path).collect_schema())
        read_parts = format_of(path, columns.documents.source_format).parts
        if read_parts and has_ranges(path):
            parts = read_parts(path, tokens)
        else:
            parts = count(scan_columns(path, columns.documents), tokens)
        source.fingerprint.check()
    return CountedSource(parts, dtypes)


def _one_part(frame: pl.LazyFrame, _: str) -> list[Part]:
    return [Part(frame.select(pl.len()).collect().item(), 0)]


def _parts_of_lists(frame: pl.LazyFrame, tokens: str) -> list[Part]:
    lengths = frame.select(lengths_of_lists(frame.collect_schema(), tokens))
    batches = collect_in_batches(lengths)
    return [part for batch in batches for part in cut_evenly(batch.to_series())]


def read_documents(spans: Sequence[Span], columns: TokenSelection) -> pl.DataFrame:
    """Read the documents of a block."""
    frames = []
    n_tokens = 0
    for span in spans:
        path, fingerprint = span.source
        with errors_name(path, columns.documents.source_format):
            fingerprint.check()
            rows = range(span.first_row, span.first_row + span.rows)
            documents = columns.scan(path, rows).collect(engine="streaming")
            fingerprint.check()
            if documents.height != span.rows:
                msg = (
                    f"there are {documents.height:,} documents from row "
                    f"{span.first_row:,} on, and should be {span.rows:,}\n"
                    "Hint: is the file damaged?"
                )
                raise DataError(msg)
            n_tokens += columns.check(documents, span.first_row)
            check_block_size(n_tokens)
        frames.append(documents)
    return pl.concat(frames, rechunk=False)
