import pytest


@pytest.fixture(autouse=True)
def several_reads(small_batches):
    small_batches(documents=3)
