"""SequenceOptions: the options of training sequences, beside the rules of packing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from fastpack.documents.inputs import Keep, as_list
from fastpack.errors import OptionError, OptionTypeError
from fastpack.option_checks import as_integer, show
from fastpack.options import PackingOptions, PackingRules

Boundary = Literal[
    "seq_lengths",
    "position_ids",
    "cu_seqlens",
    "seq_start_id",
    "segment_ids",
    "chunk_starts",
]

PadValue: TypeAlias = int | float | bool

Columns: TypeAlias = str | Sequence[str] | Mapping[str, PadValue]
"""The columns in lockstep with the tokens, by name; a mapping has their pad values."""

PAD_VALUES = {"labels": -100}
"""The pad values by names of columns if none is given, 0 for any other: -100 is what
PyTorch's cross entropy and everything on top of it ignores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceOptions:
    """The options of training sequences, described at `fastpack.pack_tokens`.

    Parameters
    ----------
    tokens
        The column of tokens.
    columns
        The columns in lockstep with it, and their pad values.
    keep
        The columns that identify a document, or None for its row number.
    boundaries
        The columns that say where the chunks are.
    pad_id, bos_id, eos_id
        The tokens behind the last chunk up to L, before each chunk and behind it; None
        for none.
    """

    tokens: str
    columns: Mapping[str, PadValue]
    keep: Keep | None
    boundaries: tuple[Boundary, ...]
    pad_id: int | None
    bos_id: int | None
    eos_id: int | None

    @property
    def n_before(self) -> int:
        """The tokens added before each chunk."""
        return int(self.bos_id is not None)

    @property
    def n_extra(self) -> int:
        """The tokens added to each chunk."""
        return self.n_before + int(self.eos_id is not None)

    @property
    def is_filled(self) -> bool:
        """Whether there are places in sequences for which a document has no value."""
        return self.pad_id is not None or self.n_extra > 0


def check_sequence_options(
    tokens: Any,
    columns: Any,
    keep: Any,
    boundaries: Any,
    *,
    pad_id: Any,
    bos_id: Any,
    eos_id: Any,
) -> SequenceOptions:
    """Return the options, validated as far as they can be without the data."""
    if keep is not None:
        as_list(keep)
    return SequenceOptions(
        tokens=check_tokens(tokens),
        columns=_check_columns(columns),
        keep=keep,
        boundaries=check_boundaries(boundaries),
        pad_id=_check_id("pad_id", pad_id),
        bos_id=_check_id("bos_id", bos_id),
        eos_id=_check_id("eos_id", eos_id),
    )


def check_tokens(tokens: Any) -> str:
    """Return the name of the column of tokens; refuse what is no name."""
    if not isinstance(tokens, str):
        msg = (
            f"`tokens` must be a column's name, got {show(tokens)}\n"
            "Hint: such as 'input_ids'."
        )
        raise OptionTypeError(msg)
    return tokens


def check_packing_options(
    context_length: int, rules: PackingRules, sequence_options: SequenceOptions
) -> PackingOptions:
    """Return the rules of the packing, with room for the tokens that are added."""
    n_extra = sequence_options.n_extra
    rules = rules.copy()
    rules.setdefault("extra_tokens", n_extra)
    options = PackingOptions(context_length=context_length, **rules)
    if options.extra_tokens != n_extra:
        msg = (
            f"`extra_tokens` is {options.extra_tokens}, but `bos_id` "
            f"{sequence_options.bos_id} and `eos_id` {sequence_options.eos_id} are "
            f"{n_extra}\n"
            "Hint: leave `extra_tokens` out, and pass the ids of the tokens that are "
            "added to each chunk."
        )
        raise OptionError(msg)
    if options.align > 1 and sequence_options.pad_id is None:
        msg = (
            f"`align` is {options.align}, which leaves gaps between chunks, and there "
            "is no `pad_id`\n"
            "Hint: pass the id of the padding token."
        )
        raise OptionError(msg)
    return options


def known_packing_options(
    context_length: int | None,
    rules: PackingRules,
    known: PackingOptions | None,
    sequence_options: SequenceOptions,
) -> PackingOptions:
    """Return the rules of the packing: those given, and those its files say."""
    if known is None:
        if context_length is None:
            msg = (
                "`context_length` is not given, and the assignment does not say it\n"
                "Hint: pass the one that it was packed with."
            )
            raise OptionError(msg)
        return check_packing_options(context_length, rules, sequence_options)
    given: dict[str, Any] = {**rules}
    if context_length is not None:
        given["context_length"] = context_length
    by_hand = replace(known, **given)
    for name in given:
        value, packed = getattr(by_hand, name), getattr(known, name)
        if value != packed:
            msg = (
                f"`{name}` was given as {value!r}, and the assignment was packed with "
                f"{packed!r}\nHint: leave it out: its files know their rules."
            )
            raise OptionError(msg)
    packed_by: Any = asdict(known)
    length = packed_by.pop("context_length")
    return check_packing_options(length, packed_by, sequence_options)


def _check_id(name: str, value: Any) -> int | None:
    hint = "such as tokenizer.eos_token_id; None adds no such token"
    return None if value is None else as_integer(name, value, hint)


def _check_columns(columns: Any) -> dict[str, PadValue]:
    names = [columns] if isinstance(columns, str) else columns
    if not isinstance(names, (Sequence, Mapping)) or not all(
        isinstance(name, str) for name in names
    ):
        msg = (
            f"`columns` must be columns' names, got {show(columns)}\n"
            "Hint: such as ['labels', 'loss_mask'], or with their pad values: "
            "{'labels': -100, 'loss_mask': 0}."
        )
        raise OptionTypeError(msg)
    if not isinstance(names, Mapping):
        return with_pad_values([(name, None) for name in names])
    for name, value in names.items():
        if not hasattr(value, "__index__") and not hasattr(value, "__float__"):
            msg = (
                f"`columns` must give numbers to pad with, got {value!r} for {name!r}\n"
                "Hint: such as {'labels': -100, 'loss_mask': 0}."
            )
            raise OptionTypeError(msg)
    return dict(names)


def with_pad_values(
    columns: Sequence[tuple[str, PadValue | None]],
) -> dict[str, PadValue]:
    """Return the pad values of columns, by name; None stands for the default."""
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        msg = (
            f"`columns` must name columns, each once, got {names!r}\n"
            "Hint: the tokens are not among them."
        )
        raise OptionError(msg)
    return {
        name: PAD_VALUES.get(name, 0) if pad is None else pad for name, pad in columns
    }


def check_boundaries(boundaries: Any, *others: str) -> tuple[Any, ...]:
    """Return the names of boundaries; `others` may be among them, too."""
    names = (boundaries,) if isinstance(boundaries, str) else boundaries
    choices = (*get_args(Boundary), *others)
    hint = "Hint: choose one of " + ", ".join(map(repr, choices)) + "."
    if not isinstance(names, Sequence) or not all(
        isinstance(name, str) for name in names
    ):
        msg = f"`boundaries` must be names, got {show(boundaries)}\n{hint}"
        raise OptionTypeError(msg)
    if unknown := [name for name in names if name not in choices]:
        msg = f"`boundaries` has an unknown name: {unknown[0]!r}\n{hint}"
        raise OptionError(msg)
    return tuple(names)
