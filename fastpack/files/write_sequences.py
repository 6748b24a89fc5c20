"""write_sequences(): training sequences -> the files that a trainer's loader reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
from fastpack.files.formats.chunks import BOUNDARIES, KnownLayout
from fastpack.files.formats.document_file import beside
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.registry import FORMATS, files_of, scan_source
from fastpack.files.formats.writing import Sequences
from fastpack.files.packed_layout import layout_of_files
from fastpack.files.reading import check_same_columns, errors_name
from fastpack.forks import refuse_forked
from fastpack.option_checks import as_integer
from fastpack.outputs import exists_error
from fastpack.storage.location import Location, StrPath, path_here
from fastpack.tokens.sequence_options import check_tokens

_BLOCK_ROWS = 1 << 10
"""Sequences that are read at a time: of 131,072 tokens, half a gigabyte."""


def write_sequences(
    sequences: Any,
    output: StrPath,
    tokens: str = "input_ids",
    *,
    output_format: str | None = None,
    align: int | None = None,
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
        ``"mds"`` (a folder). None takes the suffix of `output`.

        The last two hold all columns, a matrix the tokens alone. Megatron and NeMo hold
        where chunks lie, by the boundaries that say the most: `segment_ids`, or
        `seq_lengths` with `cu_seqlens` or `seq_start_id`, or one of them. NeMo also
        holds a loss mask: the column `loss_mask`, or else 1 where `labels` are not
        -100, or else 1; it is 0 in gaps of `align`.
    align
        The `align` that the sequences were packed with. Without it, `seq_lengths` alone
        do not say where chunks lie in sequences that have gaps. None stands for 1, and
        is refused if the sequences look otherwise.
    overwrite
        Whether an output that exists is replaced.

    Raises
    ------
    OptionError, OptionTypeError, SourceNotFoundError
        A parameter cannot be right, or the folder of the output does not exist.
    DataError, DataTypeError
        The sequences do not fit the format, or do not say where the chunks lie.
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
    check_tokens(tokens)
    path = path_here(output, "output")
    written_as = _format_of(path, output_format)
    schema = sequences.collect_schema()
    blocks = collect_in_batches(sequences, _BLOCK_ROWS)
    layout = KnownLayout(_check_align(align))
    to_write = Sequences(blocks, schema, tokens, list(schema), layout)
    _write(to_write, path, written_as, overwrite=overwrite)


class Converted(NamedTuple):
    """What became of sequences that were converted.

    Parameters
    ----------
    left_out
        The columns that the format cannot hold, if none were named.
    has_boundaries
        Whether a column said where their chunks are; else, each is one chunk.
    """

    left_out: list[str]
    has_boundaries: bool


def convert_files(
    paths: Sequence[Location],
    output: StrPath,
    tokens: str,
    columns: Sequence[str] | None = None,
    *,
    source_format: str | None = None,
    output_format: str | None = None,
    align: int | None = None,
    overwrite: bool = False,
) -> Converted:
    """Write the sequences of some files, one after the other: see `write_sequences`.

    `columns` names those that are written beside the tokens; None is all that the
    format can hold. No source is written over, and no run of `fastpack pack-tokens`
    that is not complete is read.
    """
    path = path_here(output, "output")
    _check_sources(paths, path)
    written_as = _format_of(path, output_format)
    layout = layout_of_files(paths, _check_align(align))
    frames: list[tuple[Location, pl.LazyFrame]] = []
    for source in paths:
        with errors_name(source, source_format):
            frame = scan_source(source, Request(), source_format)
            schema = frame.collect_schema()
            check_names(list(schema), "tokens", [tokens])
            if columns is not None:
                check_names(list(schema), "columns", columns)
                boundaries = [name for name in BOUNDARIES if name in schema]
                frame = frame.select(cs.by_name(tokens, *columns, *boundaries))
                schema = frame.collect_schema()
            frames.append((source, frame))
            check_same_columns("columns", frames[0][1].collect_schema(), schema)

    def blocks() -> Iterator[pl.DataFrame]:
        for source, frame in frames:
            with errors_name(source, source_format):
                yield from collect_in_batches(frame, _BLOCK_ROWS)

    schema = frames[0][1].collect_schema()
    held = None if written_as.holds is None else {tokens, *written_as.holds}
    left_out = [name for name in schema if held is not None and name not in held]
    if columns is not None:
        _refuse_columns(written_as, [name for name in columns if name in left_out])
        left_out = []
    chosen = [name for name in schema if columns is None or name in {tokens, *columns}]
    sequences = Sequences(blocks(), schema, tokens, chosen, layout)
    _write(sequences, path, written_as, overwrite=overwrite)
    has_boundaries = any(name in schema for name in BOUNDARIES)
    return Converted(left_out, has_boundaries)


def _refuse_columns(written_as: Format, names: Sequence[str]) -> None:
    """Refuse columns that were named, and that the format cannot hold."""
    if names:
        held = ", ".join(written_as.holds or ()) or "tokens alone"
        msg = (
            f"`columns` names what {written_as.name} cannot hold: {names}\n"
            f"Hint: leave them out; it holds {held}."
        )
        raise OptionError(msg)


def _check_align(align: Any) -> int | None:
    """Return the `align` of sequences, if it was given."""
    if align is None:
        return None
    hint = "the multiple at which chunks start, as the sequences were packed: such as 1"
    value = as_integer("align", align, hint)
    if value < 1:
        msg = f"`align` must be at least 1, got {value}\nHint: {hint}."
        raise OptionError(msg)
    return value


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


def _write(
    sequences: Sequences, path: Path, written_as: Format, *, overwrite: bool
) -> None:
    check_names(list(sequences.schema), "tokens", [sequences.tokens])
    if not path.absolute().parent.is_dir():
        msg = f"the folder of the output does not exist: {path.parent}\nHint: make it."
        raise SourceNotFoundError(msg)
    if path.is_file() and not overwrite:
        raise exists_error(path)
    if written_as.write is not None:
        written_as.write(sequences, path, overwrite=overwrite)


def _format_of(output: Path, said: str | None) -> Format:
    """Return the format that is said, or that of the suffix."""
    written = {each.name: each for each in FORMATS if each.write is not None}
    names = ", ".join(written)
    if said is None:
        for each in written.values():
            suffix = each.output_suffix
            if suffix is not None and output.name.endswith(suffix):
                return each
        msg = (
            f"the suffix of the output says no format: {str(output)!r}\n"
            f"Hint: name it, by `output_format` or --output-format: one of {names}."
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
    suffix = written[said].output_suffix
    if suffix is not None and not output.name.endswith(suffix):
        msg = (
            f"an output of the format {said} must be a {suffix} file, got "
            f"{str(output)!r}\nHint: such as {output.stem or 'output'}{suffix}."
        )
        raise OptionError(msg)
    return written[said]
