"""The parser of arguments: what helps against a wrong use, beside what is wrong."""

import argparse
import sys
from difflib import get_close_matches
from typing import Any, NoReturn


class HelpfulParser(argparse.ArgumentParser):
    """Adds hints to errors about arguments that are missing, or unknown."""

    _given: tuple[str, ...] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments, as the base class does, and remember them.

        Unknown ones are refused here: the parser of a command knows its options, that
        of all commands, which would be told of them, does not.
        """
        self._given = tuple(sys.argv[1:] if args is None else args)
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Print the message, with a hint if there is one, and exit."""
        is_of_names = "required" in message or "unrecognized" in message
        if is_of_names and (hint := self._hint()):
            message = f"{message}\nHint: {hint}"
        super().error(message)

    def _hint(self) -> str | None:
        known = self._option_string_actions
        given = [text.partition("=")[0] for text in self._given if text[:2] == "--"]
        for name in given:
            if name not in known and (close := get_close_matches(name, known, 1)):
                return f"{name} is no option; did you mean {close[0]}?"
        for name in given:
            if name in known and known[name].nargs == "+":
                return f"{name} takes all names behind it; the sources go first."
        return None
