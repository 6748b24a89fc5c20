import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["clusters", "stores"]

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


def pytest_addoption(parser):
    parser.addoption(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="run one of N cases of each test: for tests that ran whole before",
    )


def pytest_configure(config):
    # The first example of a test compiles kernels: no deadline. 60 examples, not 100,
    # keep the gate in its time.
    settings.register_profile(
        "fastpack",
        deadline=None,
        max_examples=-(-60 // config.getoption("every")),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("fastpack")


def pytest_collection_modifyitems(config, items):
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        skip = pytest.mark.skip(reason="slow without the JIT")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    numbers = Counter()  # of the cases of each test
    kept, left_out = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        is_left_out = numbers[test] % config.getoption("every")
        (left_out if is_left_out else kept).append(item)
        numbers[test] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def one_of_every(pytestconfig):
    """Return a function that tells how many of so many cases are run: `--every`."""
    return lambda n_cases: -(-n_cases // pytestconfig.getoption("every"))


@pytest.fixture
def small_batches(monkeypatch):
    """Return a function that sets how much is held at a time, so that few documents
    make several: a batch or an array of documents, a table of rows, sums of bins."""

    def set_sizes(**sizes):
        for name, size in sizes.items():
            monkeypatch.setattr(SIZES[name], size)

    return set_sizes
