"""Selection: the columns of a table of documents that sequences are made of.

A *selected* frame has the tokens, the columns in lockstep, those that are kept and, by
names of their own, those of the rule `by`. If its rows are chunks, not documents, it
has the columns `DOCUMENT` and `CHUNK_START`, too. It can be written to a file and read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl

from fastpack.documents.groups import select_by
from fastpack.documents.inputs import (
    as_expression,
    as_frame,
    as_list,
    check_names,
    select_kept,
)
from fastpack.errors import DataTypeError, OptionError
from fastpack.forks import refuse_forked
from fastpack.tokens.columns import check_dtype, check_fits
from fastpack.tokens.sequence_options import PadValue, SequenceOptions

DOCUMENT = "\0document"
"""The row number of a document, if it is not that of its row here: Int64."""

CHUNK_START = "\0chunk_start"
"""The first token of a chunk in its document: Int64."""

_BY = "\0by"
"""The prefix of the columns `by`, which may be among the kept ones, too."""

_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)


def as_token_table(data: Any, parameter: str) -> pl.LazyFrame | pl.DataFrame:
    """Return a table that has a column of token lists; refuse lists and arrays."""
    if isinstance(data, pl.LazyFrame):
        refuse_forked()
        return data
    if isinstance(data, (list, tuple, np.ndarray, Mapping, type(None))):
        what = "data" if isinstance(data, Mapping) else "{'input_ids': data}"
        msg = (
            f"`{parameter}` cannot be read as a table: it is a {type(data).__name__}\n"
            f"Hint: a table has a column of token lists: pl.DataFrame({what})."
        )
        raise DataTypeError(msg)
    return as_frame(data, parameter)


def select_documents(
    frame: _Frame, sequence_options: SequenceOptions, by: Sequence[str]
) -> _Frame:
    """Select the columns that sequences are made of; check their names and dtypes."""
    schema = frame.collect_schema()
    empty = pl.DataFrame(schema=schema)
    tokens = sequence_options.tokens
    columns: Mapping[str, PadValue] = sequence_options.columns
    check_names(schema.names(), "tokens", [tokens])
    check_names(schema.names(), "columns", list(columns))
    dtype = check_dtype(tokens, schema[tokens], only_integers=True)
    for name in ("pad_id", "bos_id", "eos_id"):
        if (token := getattr(sequence_options, name)) is not None:
            check_fits(f"`{name}` {token}", token, tokens, dtype)
    for name, pad in columns.items():
        dtype = check_dtype(name, schema[name])
        if sequence_options.is_filled:
            check_fits(f"the pad value {pad}", pad, name, dtype)
    select_by(empty, by)
    selected = [as_expression(name) for name in (tokens, *columns)]
    keep = sequence_options.keep
    names = [tokens, *columns]
    if keep is not None:
        # In memory, all rows: an expression must not aggregate.
        kept = select_kept(frame if isinstance(frame, pl.DataFrame) else empty, keep)
        names += kept.columns
        selected += map(as_expression, as_list(keep))
        _check_kept(kept)
    _check_output_names(output_names(names, sequence_options))
    _check_inner_names(names)
    groups = [as_expression(by[i]).alias(f"{_BY}{i}") for i in range(len(by))]
    return frame.select(*selected, *groups)


def output_names(
    selected: Sequence[str], sequence_options: SequenceOptions
) -> list[str]:
    """Return the columns of the sequences, by those of a selected frame."""
    names = [name for name in selected if not name.startswith("\0")]
    if sequence_options.keep is None:
        names.append("documents")
    return [*names, *sequence_options.boundaries]


def group_columns(documents: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the columns of the rule `by` of a selected frame."""
    return pl.DataFrame(
        {name: documents.get_column(f"{_BY}{number}") for number, name in enumerate(by)}
    )


def _check_kept(kept: pl.DataFrame) -> None:
    """Refuse columns of which Polars makes no lists."""
    for name, dtype in kept.schema.items():
        if dtype == pl.Object:
            msg = (
                f"`keep` column {name!r} holds Python objects, which cannot be in lists"
                "\nHint: keep a column of numbers or strings."
            )
            raise DataTypeError(msg)


def _check_inner_names(names: Iterable[str]) -> None:
    """Refuse names that selected frames use themselves."""
    for name in names:
        if name.startswith("\0"):
            msg = (
                f"the name of a column begins with a null character: {name!r}\n"
                "Hint: rename it first."
            )
            raise OptionError(msg)


def _check_output_names(names: Iterable[str]) -> None:
    """Refuse columns of the same name."""
    (name, times), *_ = Counter(names).most_common(1)
    if times > 1:
        msg = (
            f"the sequences would have {times} columns {name!r}\n"
            "Hint: rename the column in the data, or ask for each once in `tokens`, "
            "`columns`, `keep` and `boundaries`."
        )
        raise OptionError(msg)
