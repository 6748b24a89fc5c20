"""Bars on a terminal."""

import contextlib
import os
import pty
import re
import subprocess
import sys

from command_line import FRAME


def test_progress_on_a_terminal(tmp_path):
    FRAME.write_parquet(tmp_path / "documents.parquet")
    command = [
        sys.executable, "-m", "fastpack", "pack", tmp_path / "documents.parquet",
        "--context-length", "8", "--output", f"{tmp_path}/out/",
    ]  # fmt: skip
    parent, child = pty.openpty()
    with subprocess.Popen(command, stderr=child) as process:
        os.close(child)
        shown = b""
        with contextlib.suppress(OSError):  # what Linux says at the end
            while piece := os.read(parent, 1 << 16):
                shown += piece
    os.close(parent)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    for step in ("count", "assign"):
        assert re.search(rf"{step} +━+ 1 of 1 sources, 5 documents", text)
