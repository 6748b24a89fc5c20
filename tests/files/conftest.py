import pytest


@pytest.fixture(autouse=True)
def several_batches(small_batches):
    small_batches(batch=700)
