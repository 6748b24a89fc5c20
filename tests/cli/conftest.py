import pytest

from command_line import FRAME


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "documents.parquet"
    FRAME.write_parquet(path)
    return path
