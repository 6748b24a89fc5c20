"""Fixtures: executors on clusters of this machine, started once for all tests."""

import os
import warnings

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
