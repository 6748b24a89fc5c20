"""The cache policy: kernel files stand alone, and a cache is not needed."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastpack

PACKAGE = Path(fastpack.__file__).parent


KERNEL_FILES = sorted((PACKAGE / "kernels").glob("[!_]*.py"))
"""All but `__init__`, which defines nothing that is compiled."""


ALLOWED = {
    "collections.abc",
    "ctypes",
    "fastpack.kernels.jit",
    "numba",
    "numba.core",
    "numba.cpython.unsafe.numbers",
    "numba.extending",
    "numpy",
    "numpy.typing",
    "typing",
}


INTERNALS = {"collections.abc", "llvmlite", "numba.core"}
"""What the file of the decorator uses, too."""


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda path: path.stem)
def test_kernels_import_no_other_file(path):
    # Numba's cache would keep the old machine code of what another file defines.
    allowed = ALLOWED
    if path.stem == "jit":
        allowed = allowed - {"fastpack.kernels.jit"} | INTERNALS
    assert set(imports_of(path)) <= allowed


def test_there_are_kernel_files():
    assert {path.stem for path in KERNEL_FILES} >= {"best_fit", "assignment", "jit"}


PACK = """
import numpy as np
import fastpack
from fastpack.kernels.best_fit import best_fit_decreasing
table = fastpack.pack(np.array([8, 6, 6, 4, 3]), context_length=8)
print(fastpack.__file__)
print(table["bin"].to_list())
print(type(best_fit_decreasing._cache).__name__)
"""


@pytest.mark.slow
def test_without_any_folder_for_the_cache(tmp_path):
    shutil.copytree(
        PACKAGE, tmp_path / "fastpack", ignore=shutil.ignore_patterns("__pycache__")
    )
    # A file where the folder should be: not even root can make it.
    (tmp_path / "fastpack/kernels/__pycache__").touch()
    nowhere = tmp_path / "file"
    nowhere.touch()
    environment = {
        **os.environ,
        "HOME": str(nowhere / "home"),
        "XDG_CACHE_HOME": str(nowhere / "cache"),
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    run = subprocess.run(
        [sys.executable, "-c", PACK],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    where, bins, cache = run.stdout.splitlines()
    assert Path(where).parent == tmp_path / "fastpack"
    assert bins == "[0, 1, 2, 3, 3]"
    assert cache == "NullCache"


@pytest.mark.slow
def test_machine_code_is_kept_on_disk(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", PACK], env=environment, check=True)
    assert list(tmp_path.rglob("*best_fit_decreasing*.nbc"))


@pytest.mark.slow
def test_other_runtime_errors_are_not_hidden(monkeypatch):
    from fastpack.kernels import jit

    def refuse(**options):
        msg = "out of luck"
        raise RuntimeError(msg)

    monkeypatch.setattr(jit, "njit", refuse)
    with pytest.raises(RuntimeError, match="out of luck"):
        jit.kernel(np.sum)
