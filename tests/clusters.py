"""Fixtures: executors on clusters of this machine, started once for all tests, and
one that kills a worker."""

import os
import signal
import sys
import warnings
from concurrent.futures import Executor

import pytest

import fastpack


@pytest.fixture(scope="session")
def on_ray():
    """Return an executor on a local Ray cluster of two processors."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own modules
        executor = fastpack.engines.ray_executor(workers=2)
    with executor:
        yield executor


@pytest.fixture(scope="session")
def on_dask():
    """Return an executor on a local Dask cluster of two processes."""
    pytest.importorskip("distributed")
    with fastpack.engines.dask_executor(workers=2) as executor:
        yield executor


@pytest.fixture(scope="session")
def on_processes():
    with fastpack.engines.process_executor(workers=2) as executor:
        yield executor


@pytest.fixture(params=["ray", "dask"])
def on_cluster(request):
    """Return an executor on each kind of cluster."""
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture(params=["processes", "ray", "dask"])
def on_engine(request):
    """Return an executor on each engine."""
    return request.getfixturevalue(f"on_{request.param}")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker, function, *arguments):
    """Call a function, and kill the worker before it can give the result back, once."""
    result = function(*arguments)
    if not marker.exists():
        marker.touch()
        die()
    return result


class Killing(Executor):
    """An executor that kills the worker of the third call of a function, once."""

    def __init__(self, executor, function, marker):
        self.inner, self.function, self.marker = executor, function, marker
        self.n_workers, self.put = executor.n_workers, executor.put
        self.calls = 0

    def submit(self, function, *arguments):
        self.calls += function.__name__ == self.function
        if self.calls == 3:
            return self.inner.submit(die_once, self.marker, function, *arguments)
        return self.inner.submit(function, *arguments)


@pytest.fixture
def kills_travel():
    """Have functions of this module pickled by value: workers cannot import it."""
    cloudpickle = pytest.importorskip("cloudpickle")
    modules = [cloudpickle]
    if "ray" in sys.modules:  # it has its own
        from ray import cloudpickle as of_ray

        modules.append(of_ray)
    for module in modules:
        module.register_pickle_by_value(sys.modules[__name__])
    yield
    for module in modules:
        module.unregister_pickle_by_value(sys.modules[__name__])
