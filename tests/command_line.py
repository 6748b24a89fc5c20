"""The command line, in this process or in one of its own."""

import subprocess
import sys

import polars as pl

from fastpack.cli.main import main

FRAME = pl.DataFrame(
    {"doc_id": list("abcde"), "n_tokens": [8, 6, 6, 4, 3], "other": [9, 9, 9, 9, 9]}
)


def fastpack_in_process(*arguments):
    return main([str(argument) for argument in arguments])


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "fastpack", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
