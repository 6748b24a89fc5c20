"""Expected documents: the corpus and the rules -> the tokens each should have."""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.inputs import length_arrays, row_text
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, VerificationError
from fastpack.options import PackingOptions


def packed_tokens(lengths: npt.NDArray[Any], options: PackingOptions) -> Int64Array:
    """Return the tokens that are packed of each document, by its length."""
    tokens = np.empty(lengths.size, np.int64)
    kernels.expectation.expect_tokens(lengths, *_rule(options), tokens)
    return tokens


def _rule(options: PackingOptions) -> tuple[int, int, int]:
    """Return the rule for long documents as the kernels take it."""
    tokens_of_long = {"truncate": options.max_chunk, "drop": 0}
    return (
        options.max_chunk,
        options.min_chunk,
        tokens_of_long.get(options.long_documents, -1),
    )


def check_long_documents(
    lengths: pl.Series | npt.NDArray[Any], options: PackingOptions
) -> None:
    """Raise VerificationError if a document had to be refused for its length."""
    if options.long_documents != "error" or not len(lengths):
        return
    longest = int(lengths.max())  # type: ignore[arg-type]
    if longest > options.max_chunk:
        msg = (
            f"a document has {longest:,} tokens, more than the {options.max_chunk:,} "
            "of a chunk, and `long_documents` is 'error'"
        )
        raise VerificationError(msg)


class ExpectedBatch(NamedTuple):
    """The documents that some rows should be of.

    Parameters
    ----------
    first_document
        The number of the first document that ends in these rows.
    lengths
        The lengths of the documents that end in these rows.
    groups
        The group of the document before these rows, and of each that starts in them;
        None without groups.
    names
        The columns that name documents, a row for each that starts in these rows; None
        if they are not compared.
    """

    first_document: int
    lengths: pl.Series
    groups: npt.NDArray[np.int32] | None
    names: pl.DataFrame | None

    def check(self, tokens: Int64Array, options: PackingOptions) -> None:
        """Compare the documents with the tokens that the assignment has of each.

        Raises VerificationError if one has other tokens.
        """
        start = 0
        for lengths in chain.from_iterable(
            map(length_arrays, self.lengths.get_chunks())
        ):
            found = tokens[start : start + lengths.size]
            i = kernels.expectation.find_unexpected(lengths, *_rule(options), found)
            if i >= 0:
                (expected,) = packed_tokens(lengths[i : i + 1], options)
                msg = (
                    f"document {self.first_document + start + i:,} has {found[i]:,} "
                    "tokens in the assignment; by its length and the rules it has "
                    f"{expected:,}"
                )
                raise VerificationError(msg)
            start += lengths.size


class ExpectedDocuments:
    """The documents that should have been packed, read as the assignment is.

    Parameters
    ----------
    documents
        The corpus.
    options
        The rules.

    Attributes
    ----------
    has_groups : bool
        Whether the group of each document is known.
    encoder : GroupEncoder
        The numbers of the groups.
    """

    def __init__(self, documents: Documents, options: PackingOptions) -> None:
        self._options = options
        self.has_groups = 0 < documents.by.width == len(options.by_columns)
        self._batches = documents.batches()
        self.encoder = GroupEncoder(documents.by)
        # Of the documents that have not ended, those that have not started among them.
        self._lengths = pl.Series(dtype=pl.Int64)
        # Of the documents that have not started.
        self._names = documents.kept
        # Of the last document that has started, then of those that have not.
        self._groups = np.zeros(1, np.int32)
        self._n_started = self._n_ended = self._n_read = 0

    def start(self, n_documents: int) -> ExpectedBatch:
        """Start the next documents: the one before them ends, and all but the last.

        Raises VerificationError if the corpus has fewer.
        """
        self._n_started += n_documents
        while self._n_read < self._n_started and self._read():
            pass
        if self._n_read < self._n_started:
            msg = f"the assignment has more documents than `lengths`: {self._n_read:,}"
            raise VerificationError(msg)
        groups = None
        if self.has_groups:
            groups = self._groups[: n_documents + 1]
            self._groups = self._groups[n_documents:]
        names = None
        if self._names is not None:
            names = self._names[:n_documents]
            self._names = self._names[n_documents:]
        return self._end(self._n_started - 1, groups, names)

    def end(self) -> ExpectedBatch:
        """End the last document that has started."""
        return self._end(self._n_started, None, None)

    def finish(self) -> None:
        """Raise VerificationError if there are documents that have not started."""
        while self._n_read == self._n_started and self._read():
            pass
        if self._n_read > self._n_started:
            msg = (
                "`lengths` has more documents than the assignment, which has "
                f"{self._n_started:,}"
            )
            raise VerificationError(msg)

    def _end(
        self,
        end: int,
        groups: npt.NDArray[np.int32] | None,
        names: pl.DataFrame | None,
    ) -> ExpectedBatch:
        """Return the documents that end, up to number `end`."""
        n_ended = max(end - self._n_ended, 0)
        batch = ExpectedBatch(self._n_ended, self._lengths[:n_ended], groups, names)
        self._lengths = self._lengths[n_ended:]
        self._n_ended += n_ended
        return batch

    def _refuse_negative(self, lengths: pl.Series) -> None:
        shortest = lengths.arg_min()
        if shortest is not None and lengths[shortest] < 0:
            msg = (
                f"`{lengths.name}` has a negative length: {lengths[shortest]} in "
                f"{row_text(self._n_read + shortest)}\n"
                "Hint: lengths are counted in tokens; 0 is an empty document."
            )
            raise DataError(msg)

    def _read(self) -> bool:
        """Read a batch; return False if there is none."""
        batch = next(self._batches, None)
        if batch is None:
            return False
        lengths = batch.lengths
        self._refuse_negative(lengths)
        check_long_documents(lengths, self._options)
        if not self._lengths.is_empty():
            lengths = pl.concat([self._lengths, lengths], rechunk=False)
        self._lengths = lengths
        if self._names is not None and batch.kept is not None:
            self._names = pl.concat([self._names, batch.kept], rechunk=False)
        if self.has_groups:
            groups = self.encoder.learn(batch.by)
            self._groups = np.concatenate([self._groups, groups])
        self._n_read += len(batch.lengths)
        return True
