"""PackingOptions: every rule of a packing, validated once.

A new rule is a field here, with its text; an integer has a row in `_INTEGERS` too.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, get_args

from fastpack.errors import DataError, OptionError, OptionTypeError

if TYPE_CHECKING:  # the command line's --help does not wait for NumPy
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

LongDocuments = Literal["split", "truncate", "drop", "error"]

MAX_CONTEXT_LENGTH = 2**31 - 1
"""`chunk_length` and `bin_offset` are Int32 columns."""

MAX_SEED = 2**64 - 1


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

    def __post_init__(self) -> None:
        """Validate, and turn NumPy integers into ints."""
        _check_choice("long_documents", self.long_documents, get_args(LongDocuments))
        for rule in _INTEGERS:
            value = getattr(self, rule.name)
            if value is not None or not rule.is_optional:
                object.__setattr__(self, rule.name, rule.check(value, self))
        if self.context_length % self.align:
            multiple = self.context_length // self.align * self.align
            msg = (
                f"`align` must divide `context_length`, got {self.align} and "
                f"{self.context_length}\nHint: such as {multiple} for the latter."
            )
            raise OptionError(msg)
        object.__setattr__(self, "by", _check_by(self.by))

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

    def footprints(self, lengths: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
        """Return the footprint of each chunk, in tokens, by its length."""
        longer = lengths + self.extra_tokens if self.extra_tokens else lengths
        return longer if self.align == 1 else -(-longer // self.align) * self.align

    @classmethod
    def from_dict(cls, options: dict[str, Any], path: "Path") -> "PackingOptions":
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
        return {**asdict(self), "by": None if self.by is None else list(self.by)}


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
        hint = self.hint.format(options=options)
        number = _as_integer(self.name, value, hint)
        high = self.high(options)
        if not self.low <= number <= high:
            bound = f"least {self.low}" if number < self.low else f"most {_power(high)}"
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
)


def _as_integer(name: str, value: Any, hint: str) -> int:
    msg = f"`{name}` must be an integer, got {value!r}\nHint: {hint}."
    # bool has __index__, and so has numpy.bool in older releases.
    if type(value).__name__ in {"bool", "bool_"} or not hasattr(value, "__index__"):
        raise OptionTypeError(msg)
    try:
        return operator.index(value)
    except TypeError as error:  # an array of more than one integer, say
        raise OptionTypeError(msg) from error


def _power(number: int) -> str:
    """Write a bound of an integer type as people know it."""
    is_bound = number in {MAX_CONTEXT_LENGTH, MAX_SEED}
    return f"2**{number.bit_length()} - 1" if is_bound else str(number)


def _check_by(by: object) -> tuple[str, ...] | None:
    if by is None:
        return None
    names = (by,) if isinstance(by, str) else by
    if not isinstance(names, Sequence) or not all(
        isinstance(name, str) for name in names
    ):
        msg = (
            f"`by` must be columns' names, got {by!r}\n"
            "Hint: such as 'source' or ['source', 'language']."
        )
        raise OptionTypeError(msg)
    if not names or len(set(names)) < len(names):
        msg = (
            f"`by` must name columns, each once, got {by!r}\n"
            "Hint: None packs all documents together."
        )
        raise OptionError(msg)
    return tuple(names)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    hint = "Hint: choose one of " + ", ".join(map(repr, choices)) + "."
    if not isinstance(value, str):
        msg = f"`{name}` must be a string, got {value!r}\n{hint}"
        raise OptionTypeError(msg)
    if value not in choices:
        msg = f"`{name}` is unknown: {value!r}\n{hint}"
        raise OptionError(msg)
