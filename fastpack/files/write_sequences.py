"""write_sequences(): training sequences -> the files that a trainer's loader reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from fastpack.documents.inputs import as_frame, check_names
from fastpack.documents.streaming import collect_in_batches
from fastpack.errors import (
    OptionError,
    OptionTypeError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.files.formats.document_file import beside
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import FORMATS, files_of, scan_source
from fastpack.files.formats.writing import Sequences, Writer
from fastpack.files.reading import check_same_columns, errors_name
from fastpack.forks import refuse_forked
from fastpack.outputs import exists_error
from fastpack.storage.location import Location, StrPath, path_here

_BLOCK_ROWS = 1 << 10
"""Sequences that are read at a time: of 131,072 tokens, half a gigabyte."""


def write_sequences(
    sequences: Any,
    output: StrPath,
    tokens: str = "input_ids",
    *,
    output_format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write training sequences in the format of a trainer's loader.

    The files get their names when all is written: an output is whole, or not there. A
    lazy frame is written block by block.

    Parameters
    ----------
    sequences
        A row a sequence, as `fastpack.pack_tokens` gives them: a frame, a lazy frame,
        or anything with ``__arrow_c_stream__``.
    output
        The file or folder to write.
    tokens
        The name of the column of tokens.
    output_format
        ``"megatron"`` (an .idx file, and .bin beside it), ``"npy"`` (a matrix, of
        padded sequences), ``"nemo"`` (an .idx.parquet file), ``"huggingface"`` or
        ``"mds"`` (a folder). None takes the suffix of `output`. Megatron and NeMo take
        where chunks begin from `cu_seqlens`, or else from `seq_lengths` and
        `seq_start_id`.
    overwrite
        Whether an output that exists is replaced.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A parameter cannot be right, or the folder of the output does not exist.
    DataError, DataTypeError
        The sequences do not fit the format.
    OutputExistsError
        The output exists, and is not to be replaced.
    OSError
        The output cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import polars as pl
    >>> import fastpack
    >>> sequences = pl.DataFrame({"input_ids": [[5, 6, 7], [8, 9, 0]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "train.npy")
    ...     fastpack.write_sequences(sequences, path)
    ...     matrix = np.load(path)
    >>> matrix
    array([[5, 6, 7],
           [8, 9, 0]])
    """
    if not isinstance(sequences, pl.LazyFrame):
        sequences = as_frame(sequences, "sequences").lazy()
    refuse_forked()
    blocks = collect_in_batches(sequences, _BLOCK_ROWS)
    schema = sequences.collect_schema()
    write_blocks(blocks, schema, output, tokens, output_format, overwrite=overwrite)


def convert_files(
    paths: Sequence[Location],
    output: StrPath,
    tokens: str,
    columns: Sequence[str] | None = None,
    *,
    source_format: str | None = None,
    output_format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the sequences of some files, one after the other: see `write_sequences`.

    `columns` names those that are written beside the tokens; None is all. No source is
    written over.
    """
    _check_sources(paths, path_here(output, "output"))
    frames = []
    for path in paths:
        with errors_name(path):
            frame = scan_source(path, Request(), source_format)
            schema = frame.collect_schema()
            check_names(list(schema), "tokens", [tokens])
            if columns is not None:
                check_names(list(schema), "columns", columns)
                frame = frame.select(cs.by_name(tokens, *columns))
                schema = frame.collect_schema()
            frames.append((path, frame))
            check_same_columns("columns", frames[0][1].collect_schema(), schema)

    def blocks() -> Iterator[pl.DataFrame]:
        for path, frame in frames:
            with errors_name(path):
                yield from collect_in_batches(frame, _BLOCK_ROWS)

    schema = frames[0][1].collect_schema()
    write_blocks(blocks(), schema, output, tokens, output_format, overwrite=overwrite)


def _check_sources(paths: Sequence[Location], output: Path) -> None:
    """Refuse an output that is a source, or belongs to one."""
    names = [
        beside(output, each.suffixes[0], each.companion)
        for each in FORMATS
        if each.companion and each.write
    ]
    outputs = [path for path in {output, *names} if path.exists()]
    for source in (path for path in paths if isinstance(path, Path)):
        for file in (source, *files_of(source)):
            if any(path.samefile(file) for path in outputs):
                msg = (
                    f"the output is one of the sources: {file}\n"
                    "Hint: write to a name of its own."
                )
                raise OutputExistsError(msg)


def write_blocks(
    blocks: Iterator[pl.DataFrame],
    schema: pl.Schema,
    output: StrPath,
    tokens: str,
    output_format: str | None,
    *,
    overwrite: bool,
) -> None:
    """Write sequences that come some at a time: see `write_sequences`."""
    path = path_here(output, "output")
    write = _writer_of(path, output_format)
    check_names(list(schema), "tokens", [tokens])
    if not path.absolute().parent.is_dir():
        msg = f"the folder of the output does not exist: {path.parent}\nHint: make it."
        raise SourceNotFoundError(msg)
    if path.is_file() and not overwrite:
        raise exists_error(path)
    write(Sequences(blocks, schema, tokens), path, overwrite=overwrite)


def _writer_of(output: Path, said: str | None) -> Writer:
    """Return the writer of the format that is said, or of that of the suffix."""
    written = {
        each.name: (each.write, each.output_suffix)
        for each in FORMATS
        if each.write is not None
    }
    names = ", ".join(written)
    if said is None:
        for write, suffix in written.values():
            if suffix is not None and output.name.endswith(suffix):
                return write
        msg = (
            f"the suffix of the output says no format: {str(output)!r}\n"
            f"Hint: name it (output_format), one of {names}."
        )
        raise OptionError(msg)
    if not isinstance(said, str):
        msg = f"`output_format` must be a name, got {said!r}\nHint: one of {names}."
        raise OptionTypeError(msg)
    if said not in written:
        msg = (
            f"`output_format` names no format that is written: {said!r}\n"
            f"Hint: one of {names}."
        )
        raise OptionError(msg)
    write, suffix = written[said]
    if suffix is not None and not output.name.endswith(suffix):
        msg = (
            f"an output of the format {said} must be a {suffix} file, got "
            f"{str(output)!r}\nHint: such as {output.stem or 'output'}{suffix}."
        )
        raise OptionError(msg)
    return write
