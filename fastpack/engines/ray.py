"""Ray: tasks on a cluster, as NeMo Curator and others of its kind use it.

Ray itself runs a task again if its worker or machine is lost. A task costs it about
1 ms; to start a local cluster takes 5 s and 800 MB.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from fastpack.engines.local import POLARS_THREADS, check_workers
from fastpack.engines.remote import (
    RETRIES,
    RemoteExecutor,
    check_extra,
    connecting,
)
from fastpack.errors import OptionError

_STORE_BYTES = 1 << 28
"""The object store of a local cluster: it holds the plan, and little else."""


def ray_executor(
    address: str | None = None, *, workers: int | None = None
) -> "RayExecutor":
    """Return an executor whose calls are tasks of Ray; needs the extra ``ray``.

    fastpack must be installed on all machines of the cluster, and all must reach the
    sources and the target by the same names.

    Parameters
    ----------
    address
        The cluster, as ``ray.init`` takes it: ``"auto"``, ``"host:6379"``,
        ``"ray://host:10001"``. None is the cluster that this process is connected to
        already, or that RAY_ADDRESS names; if there is none, a local one is started.
        The executor disconnects, and ends the local cluster, when it is closed, except
        from a cluster to which the process was connected before.
    workers
        The number of tasks at a time, each on one processor. None is as many as the
        cluster has processors now: give a number if it will grow.

    Returns
    -------
    concurrent.futures.Executor
        To be closed, best by ``with``. An error of a call is raised as it is on one
        machine; its cause is that of Ray, which names the worker.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    EngineError
        There is no cluster at the address, or a worker is lost again and again.
    OptionError, OptionTypeError
        A parameter cannot be right.

    Examples
    --------
    ::

        with fastpack.engines.ray_executor("auto") as executor:
            fastpack.pack_files(
                "corpus/", "out/", context_length=8192, executor=executor
            )
    """
    check_workers(workers)
    check_extra("ray", "ray")
    import ray  # noqa: PLC0415 -- takes a second

    is_connected = ray.is_initialized()
    if is_connected and address is not None:
        msg = (
            f"`address` is {address!r}, and this process is connected to a Ray cluster "
            "already\nHint: leave it out, to use that cluster."
        )
        raise OptionError(msg)
    if not is_connected:
        address = address or os.environ.get("RAY_ADDRESS")
        settings: dict[str, Any] = {"address": address}
        if address is None:
            settings = {
                "address": "local",
                "num_cpus": workers,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
            }
        with connecting("Ray", address):
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **settings)
    n_workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    return RayExecutor(n_workers, disconnect=not is_connected)


class RayExecutor(RemoteExecutor):
    """An executor on the Ray cluster that the process is connected to.

    Parameters
    ----------
    n_workers
        The number of tasks that run at a time.
    disconnect
        Whether to disconnect when the executor is closed.
    """

    engine = "Ray"

    def __init__(self, n_workers: int, *, disconnect: bool) -> None:
        import ray  # noqa: PLC0415

        super().__init__(n_workers)
        self._disconnect = disconnect
        # A task has one processor: Polars would use all of them.
        threads = {POLARS_THREADS: os.environ.get(POLARS_THREADS, "1")}
        settings = {"num_cpus": 1, "max_retries": RETRIES}
        self._task = ray.remote(**settings, runtime_env={"env_vars": threads})(_call)

    def put(self, value: Any) -> Any:
        """Put a value into the object store; machines fetch it when they need it."""
        import ray  # noqa: PLC0415

        return ray.put(value)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        import ray  # noqa: PLC0415
        from ray import exceptions  # noqa: PLC0415

        try:
            return ray.get(self._task.remote(function, *arguments))
        except exceptions.RayTaskError as error:
            raise error.cause from error
        except (
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
            exceptions.OutOfMemoryError,
            exceptions.ObjectLostError,
        ) as error:
            raise self._lost_error(error) from error

    def _close(self) -> None:
        import ray  # noqa: PLC0415

        if self._disconnect:
            ray.shutdown()


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
