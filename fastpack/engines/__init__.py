"""Engines: what runs the tasks of a packing of many files; each gives an executor.

=================== ===============================================================
`process_executor`  processes of this machine
`dask_executor`     a Dask cluster, by its address, or a local one
`ray_executor`      a Ray cluster, by its address, or a local one
=================== ===============================================================

Each is a `concurrent.futures.Executor`, so that ``with`` closes it, and what it started
itself; `pack_files` takes any other too. Threads, its default, need no engine. local,
dask and ray have one each; remote is what the last two share.

Beside the interface of the standard library, an executor may offer two things, and
those of this folder do:

put(value)   hands a value to all workers, once. What it returns is an argument of
             `submit`, and arrives in the call as the value.
n_workers    the number of calls that run at a time.

May import: errors. An engine knows nothing of what it runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastpack.engines.dask import dask_executor as dask_executor
    from fastpack.engines.local import process_executor as process_executor
    from fastpack.engines.ray import ray_executor as ray_executor

_HOMES = {
    "dask_executor": "dask",
    "process_executor": "local",
    "ray_executor": "ray",
}

__all__ = ["dask_executor", "process_executor", "ray_executor"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
