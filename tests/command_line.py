"""The command line, in this process; it, or other code, in a process of its own."""

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
    return _run("-m", "fastpack", *arguments, **options)


def run_code(code, *arguments, **options):
    """Run code in a process of its own; return that, and what it printed."""
    return _run("-c", code, *arguments, **options)


def _run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def start_code(code, *arguments):
    """Start code in a process of its own; wait until it prints that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process
