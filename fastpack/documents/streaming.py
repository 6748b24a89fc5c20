"""Polars' two unstable streaming calls, made here and nowhere else.

`LazyFrame.collect_batches` gives the rows of a lazy frame in order, a batch at a time;
`register_io_source` makes a lazy frame of a generator of tables.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

import polars as pl
import polars.selectors as cs
from polars.io.plugins import register_io_source

_BATCH_ROWS = 1 << 18
"""Documents of a batch: with their rows of the assignment, some 10 MB."""


def collect_in_batches(
    frame: pl.LazyFrame, max_rows: int | None = None
) -> Iterator[pl.DataFrame]:
    """Give the rows of a lazy frame in their order, in parts of bounded size."""
    n_rows = min(max_rows or _BATCH_ROWS, _BATCH_ROWS)
    yield from frame.collect_batches(chunk_size=n_rows)


def generate_lazily(
    schema: pl.Schema, tables: Callable[[Sequence[str]], Generator[pl.DataFrame]]
) -> pl.LazyFrame:
    """Return a lazy frame whose rows are made when it is collected, table by table.

    Parameters
    ----------
    schema
        The columns of the frame.
    tables
        Called at each collection with the columns that are asked for; gives tables that
        have these, in the order of their rows. A limit ends it early.
    """

    def rows(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        _batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        wanted = list(schema) if with_columns is None else with_columns
        with closing(tables(wanted)) as generated:
            for table in generated:
                limited = table if n_rows is None else table[:n_rows]
                limited = limited.select(cs.by_name(*wanted))
                yield limited if predicate is None else limited.filter(predicate)
                if n_rows is not None:
                    n_rows -= limited.height
                    if n_rows == 0:
                        return

    return register_io_source(rows, schema=schema)
