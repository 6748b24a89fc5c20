import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["clusters", "stores"]

# The first example of a test compiles kernels: no deadline. The gate runs each test
# four times: 60 examples, not 100, and 20 after the first time, keep it in its time.
for profile, max_examples in (("fastpack", 60), ("again", 20)):
    settings.register_profile(
        profile,
        deadline=None,
        max_examples=max_examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("fastpack")

# What is held at a time: the only private names that tests of several modules set.
SIZES = {
    "batch": "fastpack.documents.streaming._BATCH_ROWS",
    "documents": "fastpack.files.formats.document_file._BATCH_ROWS",
    "array": "fastpack.documents.inputs._BATCH",
    "table": "fastpack.packing.assigner.TABLE_ROWS",
    "bins": "fastpack.verification.bins.BinCheck.AT_A_TIME",
    "block": "fastpack.files.token_blocks._WEIGHT",
    "part": "fastpack.files.token_blocks._LARGEST",
    "finest": "fastpack.files.token_blocks._FINEST",
    "last": "fastpack.files.token_work._LAST_TOKENS",
}


def pytest_collection_modifyitems(items):
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        skip = pytest.mark.skip(reason="slow without the JIT")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture
def small_batches(monkeypatch):
    """Return a function that sets how much is held at a time, so that few documents
    make several: a batch or an array of documents, a table of rows, sums of bins."""

    def set_sizes(**sizes):
        for name, size in sizes.items():
            monkeypatch.setattr(SIZES[name], size)

    return set_sizes
