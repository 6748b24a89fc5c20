"""PackingOptions: every rule of a packing, validated once.

A new rule is a field here, with its text; an integer has a row in `_INTEGERS` too.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, get_args

from fastpack.errors import DataError, OptionError
from fastpack.option_checks import (
    align_error,
    as_integer,
    as_number,
    as_power,
    check_by,
    check_choice,
)

if TYPE_CHECKING:  # the command line's --help does not wait for NumPy
    import numpy as np
    import numpy.typing as npt

LongDocuments = Literal["split", "truncate", "drop", "error"]
Strategy = Literal["best_fit", "optimal"]

MAX_CONTEXT_LENGTH = 2**31 - 1
"""`chunk_length` and `bin_offset` are Int32 columns."""

MAX_SEED = 2**64 - 1

MAX_DOCUMENTS = 2**63 - 1
"""`document` is an Int64 column."""

BLOCK = "block"
"""The column of the number of a block, in tables of groups."""

_SEEDS_APART = 6 * 0x9E3779B97F4A7C15
"""Between the seeds of blocks: a shuffle takes the next six numbers of SplitMix64."""


class PackingRules(TypedDict, total=False):
    """The rules of a packing, without the context length, as keyword arguments."""

    long_documents: LongDocuments
    max_documents: int | None
    extra_tokens: int
    align: int
    min_chunk: int
    by: str | Sequence[str] | None
    shuffle_seed: int | None
    bins_multiple: int
    block_documents: int | None
    strategy: Strategy
    optimality_gap: float
    time_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PackingOptions:
    """The rules of a packing. All work together.

    Parameters
    ----------
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1.
    long_documents
        The rule for a document longer than a chunk may be: L tokens, less
        `extra_tokens`. ``"split"``: cut it into chunks of that length and a remainder,
        the rule of Ding et al. (2024), section 3.1. ``"truncate"``: pack its first
        chunk. ``"drop"``: pack nothing of it. ``"error"``: refuse the corpus.
    max_documents
        The most chunks in a bin: at least 1; None is any number. It makes ties matter:
        of bins with the same space, the one that took a chunk last takes the next.
    extra_tokens
        Tokens that will be added to every chunk (BOS, EOS): a chunk of n tokens takes
        ``n + extra_tokens`` in its bin, from `bin_offset` on.
    align
        Round each footprint up to a multiple of this, which must divide L.
    min_chunk
        Drop the remainder of a split document if it is shorter than this.
    by
        Columns of the data: strings, integers, booleans, dates or times, none null.
        Bins never mix documents that differ in them; bin numbers run on from group to
        group, in the order of the columns' values.
    shuffle_seed
        None numbers bins as they were opened, which is by the length of their first
        chunk. An integer, 0 ... 2**64 - 1, numbers them at random: sorting by `bin`
        then is the order of training. The same seed gives the same order everywhere.
    bins_multiple
        Round the number of bins up to a multiple of this. Whole chunks move into the
        added bins: none is empty.
    block_documents
        Pack each block of this many consecutive documents by itself; None packs all
        together. The last block has what is left. Bin numbers run on from block to
        block, so that the order of the corpus survives. Within each block, `by` orders
        the bins, `bins_multiple` holds for their number, and `shuffle_seed` numbers
        them: block b as the seed ``(seed + b * 6 * 0x9E3779B97F4A7C15) % 2**64`` would.
    strategy
        ``"best_fit"``: best-fit decreasing. ``"optimal"``: search for fewer bins, and
        for a proof that there cannot be many fewer; never more than by best-fit. It
        needs the extra `optimal`, and takes seconds. See `Certificate`.
    optimality_gap
        The search ends if the bins are at most such a fraction above the number that is
        proven to be needed: 0 searches for the fewest, less than 1.
    time_limit
        The seconds after which it ends, with the best it has. Before that the clock
        decides nothing: the same input gives the same plan, by one version of HiGHS.
        Both hold for each block of `block_documents`; the groups of `by` share them.

    Raises
    ------
    OptionTypeError
        An option is of the wrong type.
    OptionError
        An option is out of range, unknown, or contradicts another.

    Examples
    --------
    >>> from fastpack import PackingOptions
    >>> options = PackingOptions(context_length=2048, extra_tokens=1)
    >>> options.max_chunk
    2047
    """

    context_length: int
    long_documents: LongDocuments = "split"
    max_documents: int | None = None
    extra_tokens: int = 0
    align: int = 1
    min_chunk: int = 1
    by: str | Sequence[str] | None = None
    shuffle_seed: int | None = None
    bins_multiple: int = 1
    block_documents: int | None = None
    strategy: Strategy = "best_fit"
    optimality_gap: float = 0.0005
    time_limit: float = 60.0

    def __post_init__(self) -> None:
        """Validate, and turn NumPy integers into ints."""
        check_choice("long_documents", self.long_documents, get_args(LongDocuments))
        check_choice("strategy", self.strategy, get_args(Strategy))
        for name, bound in _NUMBERS.items():
            number = as_number(name, getattr(self, name), *bound)
            object.__setattr__(self, name, number)
        for rule in _INTEGERS:
            value = getattr(self, rule.name)
            if value is not None or not rule.is_optional:
                object.__setattr__(self, rule.name, rule.check(value, self))
        if self.context_length % self.align:
            raise align_error(self.context_length, self.align)
        object.__setattr__(self, "by", check_by(self.by))
        if self.block_documents is not None and BLOCK in self.by_columns:
            msg = (
                f"`by` names the column {BLOCK!r}, and `block_documents` has one of "
                f"that name\nHint: rename it first, such as to 'source_{BLOCK}'."
            )
            raise OptionError(msg)

    @property
    def max_chunk(self) -> int:
        """The longest chunk, in tokens of its document."""
        return self.context_length - self.extra_tokens

    @property
    def max_chunks_per_bin(self) -> int:
        """The most chunks in a bin: `max_documents`, or any number."""
        return self.max_documents or MAX_CONTEXT_LENGTH

    @property
    def by_columns(self) -> tuple[str, ...]:
        """The columns in which the documents of a bin do not differ."""
        return tuple(self.by or ())

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The columns of a table of groups: the block, with that rule, and `by`."""
        is_whole = self.block_documents is None
        return self.by_columns if is_whole else (BLOCK, *self.by_columns)

    def of_block(self, number: int) -> "PackingOptions":
        """Return the rules by which the documents of a block are packed."""
        if self.block_documents is None:
            return self
        seed = self.shuffle_seed
        if seed is not None:
            seed = (seed + number * _SEEDS_APART) % (MAX_SEED + 1)
        return replace(self, block_documents=None, shuffle_seed=seed)

    def footprints(self, lengths: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
        """Return the footprint of each chunk, in tokens, by its length."""
        longer = lengths + self.extra_tokens if self.extra_tokens else lengths
        return longer if self.align == 1 else -(-longer // self.align) * self.align

    @classmethod
    def from_dict(cls, options: dict[str, Any], path: object) -> "PackingOptions":
        """Return the options that `as_dict` gave, as the file `path` holds them."""
        known = cls.__dataclass_fields__
        if unknown := [name for name in options if name not in known]:
            msg = (
                f"{path} was packed by rules that this version does not know: {unknown}"
                "\nHint: install the version of fastpack that wrote it, or a later one."
            )
            raise DataError(msg)
        return cls(**options)

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, as JSON can hold them."""
        options = {**asdict(self), "by": None if self.by is None else list(self.by)}
        if self.strategy == "best_fit":  # those of a search make no difference
            fields = self.__dataclass_fields__
            options |= {name: fields[name].default for name in _NUMBERS}
        return options


class _Integer(NamedTuple):
    """An option that is an integer: its bounds, and the hint in its errors.

    `high` follows from the options before it in `_INTEGERS`; the hint may name them.
    """

    name: str
    low: int
    high: Callable[[PackingOptions], int]
    hint: str
    is_optional: bool = False

    def check(self, value: Any, options: PackingOptions) -> int:
        """Return the value as an int, or raise OptionError or OptionTypeError."""
        high = self.high(options)
        if type(value) is int and self.low <= value <= high:
            return value  # messages take most of the time of all checks
        hint = self.hint.format(options=options)
        number = as_integer(self.name, value, hint)
        if not self.low <= number <= high:
            bound = (
                f"least {self.low}" if number < self.low else f"most {as_power(high)}"
            )
            msg = f"`{self.name}` must be at {bound}, got {number}\nHint: {hint}."
            raise OptionError(msg)
        return number


_INTEGERS = (
    _Integer(
        "context_length",
        1,
        lambda _: MAX_CONTEXT_LENGTH,
        "pass the number of tokens in a training sequence, such as 2048",
    ),
    _Integer(
        "max_documents",
        1,
        lambda _: MAX_CONTEXT_LENGTH,
        "a bin holds at least 1 chunk; None is any number",
        is_optional=True,
    ),
    _Integer(
        "extra_tokens",
        0,
        lambda options: options.context_length - 1,
        "`context_length` is {options.context_length:,}, and a chunk needs room for 1 "
        "token of its own",
    ),
    _Integer(
        "align",
        1,
        lambda options: options.context_length,
        "`context_length` is {options.context_length:,}, which must be a multiple",
    ),
    _Integer(
        "min_chunk",
        1,
        lambda options: options.max_chunk,
        "a chunk has {options.max_chunk:,} tokens at most; 1 drops nothing",
    ),
    _Integer(
        "shuffle_seed",
        0,
        lambda _: MAX_SEED,
        "any such integer; None does not shuffle",
        is_optional=True,
    ),
    _Integer("bins_multiple", 1, lambda _: MAX_CONTEXT_LENGTH, "1 adds no bins"),
    _Integer(
        "block_documents",
        1,
        lambda _: MAX_DOCUMENTS,
        "the number of documents in a block, such as 1_000_000; None is all of them",
        is_optional=True,
    ),
)

_NUMBERS = {
    "optimality_gap": (1.0, "bins above the bound, as a fraction: 0.0005 is 0.05 %"),
    "time_limit": (inf, "seconds, such as 60; 0 does not search"),
}
"""Options with fractions, from 0 up to this one, and the hint in errors."""
