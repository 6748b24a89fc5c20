"""Pictures: a file a chart, and none that is empty."""

import io

import pytest

from corpora import report_of
from fastpack.cli.main import main
from fastpack.reports.drawing import as_svg, save_image

pytest.importorskip("altair")

KINDS = ("cuts", "documents-per-sequence")


@pytest.mark.parametrize("image_format", ["png", "svg"])
def test_pictures(corpus, tmp_path, capsys, image_format):
    from PIL import Image

    output = tmp_path / "charts"
    command = ["report", str(corpus), "--context-length", "8", "64"]
    command += ["--output-format", image_format, "--output"]
    assert main([*command, str(output)]) == 0
    written = sorted(path.name for path in output.iterdir())
    assert len(written) == 5
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


def test_charts_appear_all_or_none(corpus, tmp_path, monkeypatch):
    drawn = []

    def fail_at_the_last(chart, path, image_format):
        drawn.append(chart)
        save_image(chart, path, image_format)
        if len(drawn) % 5 == 0:
            msg = "no more space"
            raise OSError(msg)

    output = tmp_path / "charts"
    command = ["report", str(corpus), "--context-length", "8", "64"]
    command += ["--output-format", "svg", "--output", str(output)]
    monkeypatch.setattr("fastpack.reports.drawing.save_image", fail_at_the_last)
    assert main(command) == 1
    assert not output.exists()
    output.mkdir()
    (output / "cuts-8.svg").write_text("of an earlier report")
    (output / "notes.txt").write_text("mine")
    assert main([*command, "--overwrite"]) == 1
    assert len(drawn) == 10
    assert {path.name: path.read_text() for path in output.iterdir()} == {
        "cuts-8.svg": "of an earlier report",
        "notes.txt": "mine",
    }


def test_charts_of_an_earlier_report_are_replaced(corpus, tmp_path, capsys):
    output = tmp_path / "charts"
    command = ["report", str(corpus), "--output-format", "svg", "--output", str(output)]
    assert main([*command, "--context-length", "8", "16", "64"]) == 0
    others = {"notes.txt", "cuts-8.png", "cuts-of-mine.svg"}
    for name in others:
        (output / name).write_text("mine")
    written = {path.name for path in output.iterdir()}
    assert main([*command, "--context-length", "32"]) == 1
    assert "the output exists already" in capsys.readouterr().err
    assert {path.name for path in output.iterdir()} == written
    assert main([*command, "--context-length", "32", "64", "--overwrite"]) == 0
    assert {path.name for path in output.iterdir()} == others | {
        "documents-cut.svg",
        *(f"{kind}-{length}.svg" for length in (32, 64) for kind in KINDS),
    }


def test_existing_charts_are_refused_before_the_corpus_is_read(
    corpus, tmp_path, capsys
):
    output = tmp_path / "charts"
    output.mkdir()
    (output / "documents-per-sequence-7.svg").write_text("of an earlier report")
    corpus.write_text("not Parquet")
    command = ["report", str(corpus), "--output-format", "svg", "--output", str(output)]
    assert main(command) == 1
    assert "the output exists already" in capsys.readouterr().err


def test_drawing_reads_no_names():
    chart = report_of([9, 4, 300, 2] * 9, [8, 64]).sweep
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
