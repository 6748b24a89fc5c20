"""PackingPlan: histogram -> runs, and the figures that follow from them."""

from typing import Any

import numpy as np
import polars as pl

from fastpack.assigning import Assigner
from fastpack.chunking import cut_into_chunks
from fastpack.errors import OptionTypeError
from fastpack.histogram import LengthHistogram, exact_sum
from fastpack.inputs import FrameLike, as_lengths
from fastpack.options import LongDocuments, PackingOptions
from fastpack.placing import place_chunks


class PackingPlan:
    """Best-fit decreasing over a histogram of document lengths.

    What it costs depends on how many different lengths there are, not on how many
    documents: about 1 ms at a context length of 2048, 4 ms at 8192, for ten
    thousand documents or ten billion. The packing is that of Ding et al. (2024),
    section 3; chunks of equal length, and bins of equal space, are placed together.

    Parameters
    ----------
    histogram
        The documents.
    options
        The rules.

    Attributes
    ----------
    histogram, options
        As given.
    n_documents, n_tokens : int
        Documents and their tokens.
    n_chunks : int
        Chunks that are packed.
    n_bins : int
        Training sequences.
    n_rows : int
        Rows of the assignment table: `n_chunks`, and one for each document of which
        nothing is packed.
    empty_documents, dropped_documents : int
        Documents of no tokens; documents that are left out for their length.
    cut_documents : int
        Documents longer than L that are split or truncated.
    packed, truncated, dropped : int
        Tokens that are packed, tokens cut off, tokens of dropped documents; together
        they are `n_tokens`.
    padding : int
        Tokens of capacity left unused: ``n_bins * L - packed``.
    efficiency : float
        ``packed / (n_bins * L)``; 1.0 where there is no bin.
    lower_bound : int
        ``ceil(packed / L)``: no packing has fewer bins.

    Raises
    ------
    DataError
        With ``long_documents="error"``, if a document is longer than L.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
    >>> print(plan)
    PackingPlan: 5 documents in 4 sequences of 8 tokens
      documents     5   (0 empty, 0 cut, 0 dropped)
      tokens       27   (27 packed, 0 truncated, 0 dropped)
      chunks        5
      sequences     4   (lower bound 4)
      padding       5   (efficiency 84.375 %)
    """

    def __init__(self, histogram: LengthHistogram, options: PackingOptions) -> None:
        _check_type("histogram", histogram, LengthHistogram)
        _check_type("options", options, PackingOptions)
        self.histogram = histogram
        self.options = options
        capacity = options.context_length
        chunks = cut_into_chunks(histogram, options)
        self._chunks = chunks
        self.n_documents = histogram.n_documents
        self.n_tokens = histogram.n_tokens
        self.empty_documents = chunks.empty_documents
        self.dropped_documents = chunks.dropped_documents
        self.cut_documents = chunks.cut_documents
        self.truncated = chunks.truncated
        self.dropped = chunks.dropped
        self.packed = self.n_tokens - self.truncated - self.dropped
        self.n_chunks = exact_sum(chunks.counts)
        self.n_rows = self.n_chunks + chunks.n_unpacked
        self._runs, self.n_bins = place_chunks(chunks, min(capacity, self.packed))
        self.padding = self.n_bins * capacity - self.packed
        self.efficiency = self.packed / (self.n_bins * capacity) if self.n_bins else 1.0
        self.lower_bound = -(-self.packed // capacity)

    @property
    def runs(self) -> pl.DataFrame:
        """The plan itself, one row a run, in the order of placement.

        `chunk_length` (Int32): the length of the chunks placed, in tokens.
        `first_bin`, `bins` (Int64): the range of bins that took them.
        `chunks_per_bin` (Int32): how many each of these bins took.
        `bin_offset` (Int32): where the first of them starts in its bin, in tokens.

        Examples
        --------
        >>> import numpy as np
        >>> import fastpack
        >>> fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8).runs
        shape: (4, 5)
        ┌──────────────┬───────────┬──────┬────────────────┬────────────┐
        │ chunk_length ┆ first_bin ┆ bins ┆ chunks_per_bin ┆ bin_offset │
        │ ---          ┆ ---       ┆ ---  ┆ ---            ┆ ---        │
        │ i32          ┆ i64       ┆ i64  ┆ i32            ┆ i32        │
        ╞══════════════╪═══════════╪══════╪════════════════╪════════════╡
        │ 8            ┆ 0         ┆ 1    ┆ 1              ┆ 0          │
        │ 6            ┆ 1         ┆ 2    ┆ 1              ┆ 0          │
        │ 4            ┆ 3         ┆ 1    ┆ 1              ┆ 0          │
        │ 3            ┆ 3         ┆ 1    ┆ 1              ┆ 4          │
        └──────────────┴───────────┴──────┴────────────────┴────────────┘
        """
        columns = (
            "chunk_length",
            "first_bin",
            "bins",
            "chunks_per_bin",
            "bin_offset",
        )
        return pl.DataFrame(
            {name: np.ascontiguousarray(self._runs[name]) for name in columns}
        )

    def assign(
        self, lengths: FrameLike, *, after: LengthHistogram | None = None
    ) -> pl.DataFrame:
        """Assign documents, in their order, to the bins of this plan.

        A corpus may be assigned part by part, in any order and by any number of
        workers, with the rows that one pass over the whole would give: `after` says
        which documents come before a part.

        Parameters
        ----------
        lengths
            The lengths that were planned, or a part of them: as for `fastpack.plan`.
        after
            The histogram of all documents before the first of `lengths`.

        Returns
        -------
        polars.DataFrame
            The assignment table, as `fastpack.pack` gives it: one row a chunk, in
            document order; `document` counts from the first document of the corpus.

        Raises
        ------
        DataError
            The lengths are not those that were planned.

        Examples
        --------
        >>> import numpy as np
        >>> import fastpack
        >>> first, second = np.array([8, 6, 6]), np.array([4, 3])
        >>> plan = fastpack.plan(np.concatenate([first, second]), context_length=8)
        >>> plan.assign(second, after=fastpack.LengthHistogram.from_lengths(first))
        shape: (2, 5)
        ┌──────────┬─────────────┬──────────────┬─────┬────────────┐
        │ document ┆ chunk_start ┆ chunk_length ┆ bin ┆ bin_offset │
        │ ---      ┆ ---         ┆ ---          ┆ --- ┆ ---        │
        │ i64      ┆ i64         ┆ i32          ┆ i64 ┆ i32        │
        ╞══════════╪═════════════╪══════════════╪═════╪════════════╡
        │ 3        ┆ 0           ┆ 4            ┆ 3   ┆ 0          │
        │ 4        ┆ 0           ┆ 3            ┆ 3   ┆ 4          │
        └──────────┴─────────────┴──────────────┴─────┴────────────┘
        """
        return self.assigner(after).table(as_lengths(lengths))

    def figures(self) -> dict[str, Any]:
        """Return the figures by name, as JSON can hold them."""
        names = (
            "n_documents",
            "empty_documents",
            "cut_documents",
            "dropped_documents",
            "n_tokens",
            "packed",
            "truncated",
            "dropped",
            "n_chunks",
            "n_bins",
            "lower_bound",
            "padding",
            "efficiency",
        )
        return {name: getattr(self, name) for name in names}

    def assigner(self, after: LengthHistogram | None = None) -> Assigner:
        """Return what assigns arrays of lengths, from the documents `after` on."""
        if after is not None:
            _check_type("after", after, LengthHistogram)
        return Assigner(
            self.options,
            self._chunks,
            self._runs,
            before=None if after is None else cut_into_chunks(after, self.options),
            first_document=0 if after is None else after.n_documents,
        )

    def __repr__(self) -> str:
        """Summarise the plan in six lines."""
        of_documents = (
            f"{self.empty_documents:,} empty, {self.cut_documents:,} cut, "
            f"{self.dropped_documents:,} dropped"
        )
        of_tokens = (
            f"{self.packed:,} packed, {self.truncated:,} truncated, "
            f"{self.dropped:,} dropped"
        )
        rows = {
            "documents": (self.n_documents, of_documents),
            "tokens": (self.n_tokens, of_tokens),
            "chunks": (self.n_chunks, ""),
            "sequences": (self.n_bins, f"lower bound {self.lower_bound:,}"),
            "padding": (self.padding, f"efficiency {100 * self.efficiency:.6g} %"),
        }
        width = max(5, *(len(f"{number:,}") for number, _ in rows.values()))
        title = (
            f"PackingPlan: {self.n_documents:,} documents in {self.n_bins:,} "
            f"sequences of {self.options.context_length:,} tokens"
        )
        lines = [title]
        for name, (number, note) in rows.items():
            line = f"  {name:<10}{number:>{width},}"
            lines.append(f"{line}   ({note})" if note else line)
        return "\n".join(lines)


def plan(
    lengths: FrameLike | LengthHistogram,
    *,
    context_length: int,
    long_documents: LongDocuments = "split",
) -> PackingPlan:
    """Plan a packing without assigning it: the figures alone, in milliseconds.

    Parameters
    ----------
    lengths
        Integers, tokens a document: a pl.Series, a 1-D NumPy array, an Arrow array or
        stream of one column, a frame of one column; or their `LengthHistogram`, which
        can be planned again and again, for other context lengths.
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1.
    long_documents
        What is done with a document longer than L: ``"split"``, ``"truncate"``,
        ``"drop"``, or an ``"error"``; as for `fastpack.pack`.

    Returns
    -------
    PackingPlan
        The packing of the histogram, with its figures.

    Raises
    ------
    OptionError, OptionTypeError
        A parameter cannot be right.
    DataError, DataTypeError
        `lengths` are no lengths; with ``long_documents="error"``, one is above L.

    Examples
    --------
    >>> import fastpack
    >>> corpus = fastpack.LengthHistogram(lengths=[300, 900], counts=[6_000_000, 10**9])
    >>> for context_length in (1024, 2048, 4096):
    ...     plan = fastpack.plan(corpus, context_length=context_length)
    ...     print(context_length, plan.n_bins, round(plan.efficiency, 4))
    1024 1002000000 0.8789
    2048 501000000 0.8789
    4096 250000000 0.8807
    """
    options = PackingOptions(
        context_length=context_length, long_documents=long_documents
    )
    if not isinstance(lengths, LengthHistogram):
        lengths = LengthHistogram.from_lengths(lengths)
    return PackingPlan(lengths, options)


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        msg = f"`{name}` must be a {kind.__name__}, got {value!r}"
        raise OptionTypeError(msg)
