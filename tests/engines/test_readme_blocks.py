"""The README's examples beyond one machine: its blocks of `py`."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import polars as pl
import pytest

from corpora import CORPUS, write_shards

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCK.findall(README.read_text("utf-8")))
def test_example(tmp_path, s3_server, in_environment, monkeypatch, code):
    pytest.importorskip("ray")
    pytest.importorskip("distributed")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    if "s3://" in code:
        urlopen(Request(f"{s3_server}/bucket", method="PUT")).close()
        CORPUS.write_parquet("s3://bucket/corpus/part-0.parquet")
    write_shards(tmp_path / "corpus", 2)
    assert len(code.strip().splitlines()) <= 10
    script = tmp_path / "example.py"
    script.write_text(code, "utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True)
    (target,) = re.findall(r'"([^"]*out/)"', code)
    at = target if "://" in target else str(tmp_path / target)
    written = pl.read_parquet(f"{at.rstrip('/')}/*.parquet")
    assert written.height >= CORPUS.height
