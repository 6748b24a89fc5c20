"""Dask: tasks on a cluster of dask.distributed.

Dask itself runs a task again if its worker is lost. A task costs it about 5 ms; to
start a local cluster takes a second.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastpack.engines.local import (
    POLARS_THREADS,
    check_workers,
    n_processors,
    polars_threads,
)
from fastpack.engines.remote import (
    RemoteExecutor,
    check_extra,
    connecting,
)

_IGNORE_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""What a worker runs first: a terminal sends Ctrl-C to all processes, and workers that
end by it are started again while the cluster closes, which then hangs."""


def dask_executor(
    address: str | None = None, *, workers: int | None = None
) -> "DaskExecutor":
    """Return an executor whose calls are tasks of Dask; needs the extra ``dask``.

    fastpack must be installed on all machines of the cluster, and all must reach the
    sources and the target by the same names. `Client.get_executor` gives an executor,
    too, and `pack_files` takes it: then the plan travels with each task, and after a
    failure running tasks are not waited for.

    Parameters
    ----------
    address
        The scheduler of the cluster, such as ``"tcp://host:8786"``. None is the cluster
        of the present `Client`, or that DASK_SCHEDULER_ADDRESS names; if there is none,
        a local one is started. The executor closes the client, and the local cluster,
        that it made itself.
    workers
        The number of tasks at a time. None is as many as the cluster has threads now:
        give a number if it will grow.

    Returns
    -------
    concurrent.futures.Executor
        To be closed, best by ``with``. An error of a call is raised as it is on one
        machine.

    Raises
    ------
    MissingExtraError
        Dask is not installed.
    EngineError
        There is no cluster at the address, or a worker is lost again and again.
    OptionError, OptionTypeError
        A parameter cannot be right.

    Examples
    --------
    ::

        with fastpack.engines.dask_executor("tcp://host:8786") as executor:
            fastpack.pack_files(
                "corpus/", "out/", context_length=8192, executor=executor
            )
    """
    check_workers(workers)
    check_extra("dask", "distributed")
    import dask  # noqa: PLC0415 -- takes half a second
    from distributed import Client, LocalCluster  # noqa: PLC0415

    opened = ExitStack()
    address = address or dask.config.get("scheduler-address", None)
    if address is None:
        try:
            client = Client.current()
        except ValueError:  # there is none
            workers = workers or n_processors()
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                # Any free port: 8787 may be that of another cluster, which warns.
                dashboard_address="127.0.0.1:0",
                env={POLARS_THREADS: polars_threads(workers)},
                preload=_IGNORE_INTERRUPTS,
            )
            client = Client(opened.enter_context(cluster))
            opened.enter_context(client)
    else:
        with connecting("Dask", address):
            client = opened.enter_context(Client(address))
    return DaskExecutor(client, workers or sum(client.nthreads().values()) or 1, opened)


class DaskExecutor(RemoteExecutor):
    """An executor on the cluster of a client.

    Parameters
    ----------
    client
        The client.
    n_workers
        The number of tasks that run at a time.
    opened
        The contexts that are closed with the executor.
    """

    engine = "Dask"

    def __init__(self, client: Any, n_workers: int, opened: ExitStack) -> None:
        super().__init__(n_workers)
        self._client = client
        self._opened = opened

    def put(self, value: Any) -> Any:
        """Give a value to the scheduler, as the result of a task.

        Unlike what is scattered, it outlives the workers that hold it.
        """
        import dask  # noqa: PLC0415

        with dask.config.set(
            {"distributed.admin.large-graph-warning-threshold": "1GB"}
        ):
            return self._client.submit(_same, value, pure=False)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        from distributed import KilledWorker  # noqa: PLC0415

        future = self._client.submit(function, *arguments, pure=False)
        try:
            return future.result()
        except KilledWorker as error:
            raise self._lost_error(error) from error

    def _close(self) -> None:
        self._opened.close()


def _same(value: Any) -> Any:
    return value
