"""CSV: a table of text, compressed or not."""

import polars as pl
import polars.selectors as cs

from fastpack.files.formats.format import Format, Request
from fastpack.storage.access import for_polars
from fastpack.storage.location import Location


def _open(path: Location, request: Request) -> pl.LazyFrame:
    """Scan a CSV file; its dtypes are guessed from its rows, except two kinds.

    Labels are text: an id such as 007 stays as it is. A column of lengths without rows
    is one of integers.
    """
    length = request.length
    texts = {label: pl.String() for label in request.labels if label != length}
    frame = pl.scan_csv(**for_polars(path), glob=False, schema_overrides=texts)
    if length is not None and frame.head(1).collect().is_empty():
        integers = cs.by_name(length, require_all=False).cast(pl.Int64)
        return frame.with_columns(integers)
    return frame


# Polars looks at the first bytes: compressed files are opened the same way.
CSV = Format(
    "csv",
    "CSV tables",
    (".csv", ".csv.gz", ".csv.zst"),
    _open,
    has_tokens=False,
    open_object=_open,
)
