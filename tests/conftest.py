import os

import pytest
from hypothesis import HealthCheck, settings

# The first example of a test compiles kernels: no deadline.
settings.register_profile(
    "fastpack", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fastpack")


def pytest_collection_modifyitems(items):
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        skip = pytest.mark.skip(reason="slow without the JIT")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
