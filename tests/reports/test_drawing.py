"""Pictures: a file a chart, and none that is empty."""

import io

import pytest

from fastpack.cli.main import main

pytest.importorskip("altair")


@pytest.mark.parametrize("image_format", ["png", "svg"])
def test_pictures(corpus, tmp_path, capsys, image_format):
    from PIL import Image

    output = tmp_path / "charts"
    command = ["report", str(corpus), "--context-length", "8", "64"]
    command += ["--format", image_format, "--output"]
    assert main([*command, str(output)]) == 0
    written = sorted(path.name for path in output.iterdir())
    assert len(written) == 9
    assert f"cuts-64.{image_format}" in written
    for name in written:
        data = (output / name).read_bytes()
        if image_format == "svg":
            assert b"<svg" in data[:200]
        else:
            colors = Image.open(io.BytesIO(data)).convert("RGB").getcolors(2**24)
            assert len(colors) > 10
    assert main([*command, str(output)]) == 1
    assert main([*command, str(corpus)]) == 2
    assert "folder" in capsys.readouterr().err
