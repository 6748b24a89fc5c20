"""The rules of a packing as arguments."""

import argparse
from typing import Any, get_args

from fastpack.cli.shared_arguments import integer, number
from fastpack.options import LongDocuments, Strategy


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the rules of `PackingOptions`, which has the defaults and checks values."""
    group = parser.add_argument_group("rules of the packing")
    for name, (settings, text) in _RULES.items():
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, default=argparse.SUPPRESS, help=text, **settings)


_NUMBER: dict[str, Any] = {"type": integer, "metavar": "N"}

_RULES: dict[str, tuple[dict[str, Any], str]] = {
    "long_documents": (
        {"choices": get_args(LongDocuments)},
        "what to do with documents that do not fit a sequence (default: split)",
    ),
    "max_documents": (_NUMBER, "at most N chunks in a sequence (default: any number)"),
    "extra_tokens": (_NUMBER, "N tokens (BOS, EOS) will be added to every chunk"),
    "align": (_NUMBER, "every chunk takes a multiple of N tokens in its sequence"),
    "min_chunk": (_NUMBER, "drop remainders of split documents shorter than N tokens"),
    "by": (
        {"nargs": "+", "action": "extend", "metavar": "COLUMN"},
        "columns in which the documents of a sequence do not differ",
    ),
    "shuffle_seed": (
        {"type": integer, "metavar": "SEED"},
        "number the sequences at random, for training in the order of `bin`",
    ),
    "bins_multiple": (
        _NUMBER,
        "round the sequences, of each block, up to a multiple of N",
    ),
    "block_documents": (_NUMBER, "pack each block of N documents by itself, in order"),
    "strategy": (
        {"choices": get_args(Strategy)},
        "how to pack (default: best_fit); optimal searches for fewer sequences",
    ),
    "optimality_gap": (
        {"type": number, "metavar": "FRACTION"},
        "end the search of a block so close to the number needed (default: 0.0005)",
    ),
    "time_limit": (
        {"type": number, "metavar": "SECONDS"},
        "end the search of a block after so long (default: 60)",
    ),
}
"""The rules of `PackingOptions`: what `add_argument` takes, and the help text."""
