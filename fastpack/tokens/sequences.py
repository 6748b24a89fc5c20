"""PackedSequences: sequence i of an assignment, built when it is asked for."""

import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack, overload

import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import FrameLike, as_frame
from fastpack.errors import DataError, OptionTypeError
from fastpack.forks import refuse_forked
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingRules
from fastpack.storage.location import path_here
from fastpack.tokens.gatherer import Gatherer, Item
from fastpack.tokens.index import make_index, scan_assignment
from fastpack.tokens.sequence_options import (
    Columns,
    check_boundaries,
    check_sequence_options,
    known_packing_options,
)
from fastpack.tokens.storage import as_source, open_columns


class PackedSequences:
    """The training sequences of an assignment, each built when it is asked for.

    The tokens stay where they are: a sequence is copied out of mapped files or arrays
    in 3 microseconds, so a corpus is trained on without a packed copy of it. It has a
    length and takes indices, which is what a PyTorch DataLoader asks of a dataset.

    Parameters
    ----------
    assignment
        The places of the chunks: the table that `fastpack.pack` gives, the Parquet file
        that it was written to, or the folder of `fastpack.pack_files`. It has all
        documents. Without a column `document` (with `keep`, say), its rows are in the
        order of the documents.
    documents
        The tokens of the same documents, in the same order:

        - the path of an Arrow IPC file or stream, or several, one after the other. They
          are mapped, by PyArrow; Polars writes one by ``sink_ipc``, and the files of a
          Hugging Face dataset are such (``dataset.cache_files``);
        - flat arrays by name and their ``"offsets"``: ``{"input_ids": "tokens.npy",
          "offsets": "offsets.npy"}``. Offset i is the place of the first token of
          document i, the last one the end. An array is the path of a .npy file, which
          is mapped, a `numpy.memmap` (a raw file) or any other 1-D array;
        - a table with a row a document, as for `fastpack.pack_tokens`, in memory; or a
          pl.Series of lists.
    tokens
        The column of tokens: lists of integers.
    context_length
        L. Not needed if the files of the assignment say it.
    columns
        Columns in lockstep with the tokens (labels, a mask): names, or a mapping of
        names to the values that are written where `tokens` gets an id. By default, that
        is -100 for ``"labels"`` and 0 for any other.
    boundaries
        The boundaries that an item has: see below.
    pad_id
        Fill sequences up to L tokens with this one; None leaves them as they are.
    bos_id, eos_id
        The tokens before each chunk and behind it, if it was packed with
        `extra_tokens`.
    **rules
        The rules by which it was packed, as for `fastpack.pack`; those that the files
        of the assignment hold need not be given. Only `extra_tokens` and `align` matter
        here.

    Attributes
    ----------
    context_length : int
        L.

    Raises
    ------
    DataError, DataTypeError
        The assignment is not one of these documents by these rules; files cannot be
        mapped; lists or values are null; a column is not in lockstep.
    OptionError, OptionTypeError
        A parameter cannot be right, or is not what the files of the assignment say.
    SourceNotFoundError
        A file is absent.
    MissingExtraError
        Arrow files need PyArrow.

    Notes
    -----
    An item is a dict of NumPy arrays, which is what collators take: `default_collate`
    stacks them if all have one shape (with `pad_id`, and `position_ids`,
    `segment_ids` or no boundaries); transformers' and TRL's flattening collators take
    `input_ids` and `labels` of any length, and TRL's takes `seq_lengths`. They are
    copies: change them as you like.

    ================ ======= ==========================================================
    `tokens`         as are  and the columns in lockstep: L values, or as many as are
                             in the sequence
    `seq_lengths`    Int32   the tokens of each chunk, with `bos_id` and `eos_id`
    `cu_seqlens`     Int32   the offset of each chunk, and the end of the last one
    `seq_start_id`   Int32   the offset of each chunk
    `position_ids`   Int32   the position of each token in its chunk; 0 behind the last
    `segment_ids`    Int32   the number of each token's chunk, from 1; 0 where padded
    `documents`      Int64   the row number of each chunk's document
    `chunk_starts`   Int64   the first token of each chunk in its document
    ================ ======= ==========================================================

    A pickle holds the paths of mapped files, never their contents: workers map them
    again, and read an assignment in files again (0.1 microseconds a chunk). What is in
    memory is pickled as it is. Forked workers share all of it, also the index: 12 bytes
    a chunk and 8 a sequence, 28 a chunk if documents are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> documents = {
    ...     "input_ids": np.array([1, 1, 1, 2, 2, 3, 3, 3, 3, 3], np.uint16),
    ...     "offsets": np.array([0, 3, 5, 10]),
    ... }
    >>> assignment = fastpack.pack([3, 2, 5], context_length=5)
    >>> sequences = fastpack.PackedSequences(assignment, documents, context_length=5)
    >>> len(sequences)
    2
    >>> sequences[-1]["input_ids"], sequences[-1]["seq_lengths"]
    (array([1, 1, 1, 2, 2], dtype=uint16), array([3, 2], dtype=int32))

    >>> from torch.utils.data import DataLoader  # doctest: +SKIP
    >>> loader = DataLoader(sequences, 16, shuffle=True, num_workers=2,
    ...                     collate_fn=collator)  # doctest: +SKIP
    """

    @refuse_unknown
    def __init__(
        self,
        assignment: FrameLike | pl.LazyFrame | str | os.PathLike[str],
        documents: Any,
        tokens: str = "input_ids",
        *,
        context_length: int | None = None,
        columns: Columns = (),
        boundaries: str | Sequence[str] = ("seq_lengths",),
        pad_id: int | None = None,
        bos_id: int | None = None,
        eos_id: int | None = None,
        **rules: Unpack[PackingRules],
    ) -> None:
        asked = check_boundaries(boundaries, "documents")
        sequence_options = check_sequence_options(
            tokens,
            columns,
            None,
            [name for name in asked if name != "documents"],
            pad_id=pad_id,
            bos_id=bos_id,
            eos_id=eos_id,
        )
        path, known = None, None
        if isinstance(assignment, (str, os.PathLike)):
            path = path_here(assignment, "assignment").absolute()
            table, known = scan_assignment(path)
        elif isinstance(assignment, pl.LazyFrame):
            table = assignment
        else:
            table = as_frame(assignment, "assignment").lazy()
        self._sequence_options = sequence_options
        self._options = known_packing_options(
            context_length, rules, known, sequence_options
        )
        self._boundaries = asked
        self._path = path
        self._source = as_source(documents, tokens)
        self._open(table)

    def _open(self, table: pl.LazyFrame | None) -> None:
        """Map the tokens, and order the chunks of the table, if that is to be done."""
        refuse_forked()
        options = self._sequence_options
        columns = open_columns(self._source, [options.tokens, *options.columns])
        if table is not None:
            self._index = make_index(
                table,
                columns[options.tokens].document_starts,
                self._options,
                self._boundaries,
            )
        self._columns = ", ".join(
            f"{name} {column.numpy_dtype}" for name, column in columns.items()
        )
        self._n_sequences = self._index.first.size - 1
        self._n_tokens = int(columns[options.tokens].document_starts[-1])
        self._gatherer = Gatherer(
            columns, self._index, options, self._options, self._boundaries
        )

    @property
    def context_length(self) -> int:
        """L, the most tokens in a sequence."""
        return self._options.context_length

    def __len__(self) -> int:
        return self._n_sequences

    def __iter__(self) -> Iterator[Item]:
        return map(self._build, range(self._n_sequences))

    def __repr__(self) -> str:
        return (
            f"<PackedSequences: {len(self):,} of {self.context_length:,} tokens, "
            f"{self._columns}>"
        )

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(
        self, index: slice | Sequence[int] | npt.NDArray[Any]
    ) -> list[Item]: ...

    def __getitem__(self, index: Any) -> Item | list[Item]:
        """Build a sequence, or a list of those of a slice or of several indices."""
        if type(index) is int and 0 <= index < self._n_sequences:
            return self._gatherer.build(index)  # almost always: 100 ns less
        try:
            number = operator.index(index)
        except TypeError:
            return self.__getitems__(self._several(index))
        return self._build(number)

    def _several(self, index: Any) -> Iterable[int]:
        if isinstance(index, slice):
            return range(*index.indices(self._n_sequences))
        if isinstance(index, str) or not isinstance(index, Iterable):
            msg = (
                "an index must be an integer, a slice or several integers, got "
                f"{index!r}\nHint: such as sequences[0] or sequences[:16]."
            )
            raise OptionTypeError(msg)
        return index

    def __getitems__(self, indices: Iterable[int]) -> list[Item]:
        """Build several sequences: a DataLoader asks so for those of a batch."""
        build, n_sequences = self._gatherer.build, self._n_sequences
        return [
            build(index)
            if type(index) is int and 0 <= index < n_sequences
            else self._build(operator.index(index))
            for index in indices
        ]

    def _build(self, number: int) -> Item:
        n_sequences = self._n_sequences
        if not -n_sequences <= number < n_sequences:
            msg = f"sequence {number:,} is out of range: there are {n_sequences:,}"
            raise IndexError(msg)
        return self._gatherer.build(number % n_sequences)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for another process, less what it can map or read itself."""
        state = self.__dict__.copy()
        del state["_gatherer"]
        if self._path is not None:
            del state["_index"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        n_sequences, n_tokens = self._n_sequences, self._n_tokens
        table = None if self._path is None else scan_assignment(self._path).table
        self._open(table)
        if (self._n_sequences, self._n_tokens) != (n_sequences, n_tokens):
            msg = (
                "the files of packed sequences were changed: there were "
                f"{n_sequences:,} sequences of {n_tokens:,} tokens, and are "
                f"{self._n_sequences:,} of {self._n_tokens:,}\n"
                "Hint: make the sequences anew."
            )
            raise DataError(msg)
