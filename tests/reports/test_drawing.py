"""Pictures: a file a chart, and none that is empty."""

import io

import pytest

from corpora import report_of
from fastpack.cli.main import main
from fastpack.reports.drawing import as_svg

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


def test_drawing_reads_no_names():
    (chart, *_) = report_of([9, 4, 300, 2] * 9, [8, 64]).sweep
    renamed = chart.table.rename(
        {
            chart.x: "x",
            **{
                column: f"column {number}"
                for number, column in enumerate(chart.series.values())
            },
        }
    )
    series = {
        strategy: f"column {number}" for number, strategy in enumerate(chart.series)
    }
    drawn = as_svg(chart._replace(table=renamed, x="x", series=series))
    assert drawn == as_svg(chart)
