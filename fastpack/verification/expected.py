"""Expected documents: the corpus and the rules -> the tokens each document should have.

The rule for long documents is told here again, although packing tells it too: a
verifier that used the packer's could not disprove it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.inputs import length_arrays
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions


def packed_tokens(lengths: npt.NDArray[Any], options: PackingOptions) -> Int64Array:
    """Return the tokens that are packed of each document, by its length."""
    tokens = np.empty(lengths.size, np.int64)
    kernels.verification.expect_tokens(
        lengths,
        options.max_chunk,
        options.min_chunk,
        {"truncate": options.max_chunk, "drop": 0}.get(options.long_documents, -1),
        tokens,
    )
    return tokens


def check_long_documents(lengths: npt.NDArray[Any], options: PackingOptions) -> None:
    """Raise VerificationError if a document had to be refused for its length."""
    if options.long_documents != "error" or not lengths.size:
        return
    longest = int(lengths.max())
    if longest > options.max_chunk:
        msg = (
            f"a document has {longest:,} tokens, more than the {options.max_chunk:,} "
            "of a chunk, and `long_documents` is 'error'"
        )
        raise VerificationError(msg)


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
        self.has_groups = 0 < documents.by.width == len(options.by_columns)
        self._options = options
        self._batches = documents.batches()
        self.encoder = GroupEncoder(documents.by)
        # Of the documents that have not ended, then of those that have not started.
        self._tokens = np.empty(0, np.int64)
        # Of the last document that has started, then of those that have not.
        self._groups = np.zeros(1, np.int32)
        self._n_started = self._n_ended = self._n_read = 0

    def start(self, n_documents: int) -> npt.NDArray[np.int32] | None:
        """Start the next documents.

        Returns the group of the document before them and the group of each, or None
        without groups. Raises VerificationError if the corpus has fewer.
        """
        self._n_started += n_documents
        while self._n_read < self._n_started and self._read():
            pass
        if self._n_read < self._n_started:
            msg = f"the assignment has more documents than `lengths`: {self._n_read:,}"
            raise VerificationError(msg)
        if not self.has_groups:
            return None
        groups = self._groups[: n_documents + 1]
        self._groups = self._groups[n_documents:]
        return groups

    def end(self, tokens: Int64Array) -> None:
        """Compare the next documents with what the assignment has of them.

        Raises VerificationError if one has other tokens.
        """
        expected, self._tokens = np.split(self._tokens, [tokens.size])
        if not np.array_equal(tokens, expected):
            i = int(np.argmax(tokens != expected))
            msg = (
                f"document {self._n_ended + i:,} has {tokens[i]:,} tokens in the "
                f"assignment; by its length and the rules it has {expected[i]:,}"
            )
            raise VerificationError(msg)
        self._n_ended += tokens.size

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

    def _read(self) -> bool:
        """Read a batch; return False if there is none."""
        batch = next(self._batches, None)
        if batch is None:
            return False
        for lengths in length_arrays(batch.lengths):
            check_long_documents(lengths, self._options)
            packed = packed_tokens(lengths, self._options)
            self._tokens = np.concatenate([self._tokens, packed])
        if self.has_groups:
            groups = self.encoder.learn(batch.by)
            self._groups = np.concatenate([self._groups, groups])
        self._n_read += len(batch.lengths)
        return True
