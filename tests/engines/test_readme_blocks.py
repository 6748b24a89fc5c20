"""The README's examples beyond one machine: a block of `py` for each."""

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
SECTION = re.compile(r"^## Beyond one machine$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("word", "package"),
    [("ray_executor", "ray"), ("dask_executor", "distributed"), ("s3://", "obstore")],
)
def test_example(tmp_path, request, monkeypatch, word, package):
    pytest.importorskip(package)
    section = SECTION.search(README.read_text("utf-8"))[1]
    (code,) = [block for block in BLOCK.findall(section) if word in block]
    assert len(code.strip().splitlines()) <= 10
    if word == "ray_executor":  # on the cluster that runs: to start one takes longest
        request.getfixturevalue("on_ray")
        import ray

        address = ray.get_runtime_context().gcs_address
        monkeypatch.setenv("RAY_ADDRESS", address)
    if word == "s3://":
        server = request.getfixturevalue("s3_server")
        request.getfixturevalue("in_environment")
        urlopen(Request(f"{server}/bucket", method="PUT")).close()
        CORPUS.write_parquet("s3://bucket/corpus/part-0.parquet")
    else:
        write_shards(tmp_path / "corpus", 2)
    script = tmp_path / "example.py"
    script.write_text(code, "utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True)
    _, target = re.findall(r'"([^"]*/)"', code)
    at = target if "://" in target else f"{tmp_path}/{target}"
    assert pl.read_parquet(f"{at}*.parquet").height >= CORPUS.height
