"""The page of the report: whole by itself, in a browser too."""

import html.parser
import io
import re
import shutil

import numpy as np
import polars as pl
import pytest

from corpora import report_of
from fastpack import MissingExtraError, PackingOptions
from fastpack.cli.demo import run_demo
from fastpack.cli.main import main
from fastpack.documents.batches import as_documents
from fastpack.reports.page import render
from fastpack.reports.report import make_report

pytest.importorskip("altair")


class Reader(html.parser.HTMLParser):
    """Collects what a page has, and that its elements are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.links = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            self.ids += [value] if name == "id" else []
            self.links += [value] if name in {"src", "href", "xlink:href"} else []
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else():
    page = render(report_of([9, 4, 300, 2] * 9, [8, 64], max_documents=3))
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.links == []
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == reader.tags.count("figure") == 5
    assert reader.tags.count("table") == 6
    assert len(set(reader.ids)) == len(reader.ids)
    assert set(re.findall(r"https?://[^\s\"<]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    labelled = re.findall(r'role="img" aria-labelledby="([^"]+)"', page)
    assert len(labelled) == 5
    assert set(labelled) <= set(reader.ids)
    assert "max_documents = 3" in page


@pytest.mark.parametrize("lengths", [[], [0, 0], [1], [7] * 5])
def test_small_corpora(lengths):
    report = report_of(pl.Series(lengths, dtype=pl.Int64), [4, 6])
    assert f"{len(lengths):,} document" in report.sentences[0]
    page = render(report)
    assert "<h1>" in page
    assert ("There is nothing to pack." in page) == (sum(lengths) == 0)


def test_texts_of_users_are_escaped():
    frame = pl.LazyFrame({"n_tokens": [5, 3], "<b>&": ["x", "y"]})
    options = PackingOptions(context_length=4, by="<b>&")
    documents = as_documents(frame, options.by_columns)
    page = render(make_report("<script>", documents, [options]))
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert "<script>" not in page


def test_command(corpus, tmp_path, capsys):
    output = tmp_path / "report.html"
    command = ["report", str(corpus), "--context-length", "8", "64"]
    assert main([*command, "--output", str(output)]) == 0
    assert f"wrote {output}" in capsys.readouterr().err
    page = output.read_text("utf-8")
    assert "Sequences of 64 tokens" in page
    assert f"What packing makes of {corpus}" in page
    assert main([*command, "--output", str(output)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--output", str(output), "--overwrite"]) == 0
    assert output.read_text("utf-8") == page
    assert main([*command, "--output", str(tmp_path / "report.pdf")]) == 2
    assert ".html" in capsys.readouterr().err


def test_what_is_missing_is_named(corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fastpack.reports.page.find_spec", lambda name: None)
    output = tmp_path / "report.html"
    assert main(["report", str(corpus), "--output", str(output)]) == 1
    assert "pip install 'fastpack-llm[report]'" in capsys.readouterr().err
    assert not output.exists()
    assert issubclass(MissingExtraError, ImportError)


def test_nothing_half_written(corpus, tmp_path, monkeypatch):
    def fail(chart):
        msg = "no more space"
        raise OSError(msg)

    monkeypatch.setattr("fastpack.reports.drawing.as_svg", fail)
    output = tmp_path / "report.html"
    assert main(["report", str(corpus), "--output", str(output)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.parquet"]


def test_nothing_to_draw(tmp_path, capsys):
    path = tmp_path / "empty.parquet"
    pl.DataFrame({"n_tokens": [0, 0]}).write_parquet(path)
    output = tmp_path / "charts"
    assert (
        main(["report", str(path), "--output-format", "svg", "--output", str(output)])
        == 1
    )
    assert "nothing to draw" in capsys.readouterr().err
    assert not output.exists()


def near(pixels, color):
    """Return which pixels have a color, about."""
    return np.abs(pixels.astype(int) - color).max(axis=-1) < 24


@pytest.fixture(scope="module")
def demo_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    demo = run_demo(None, folder, 2048, overwrite=False)
    output = folder / "report.html"
    command = ["report", str(demo.corpus), "--output", str(output)]
    assert main([*command, "--context-length", "512", "2048", "8192"]) == 0
    return output


@pytest.fixture
def browser():
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.mark.slow
def test_four_screens_before_the_numbers(demo_page, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(demo_page.as_uri())
    tops = {
        heading.inner_text(): heading.bounding_box()["y"]
        for heading in page.locator("h2").all()
    }
    assert [*tops][-1] == "Numbers"
    assert tops["Numbers"] <= 4 * 800
    # The first screen: the answer, one chart, and the table begins.
    boxes = [page.locator(name).first.bounding_box() for name in ("p", "svg", "table")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"] < 800
    assert sum(0 < tops[name] < 800 for name in tops) == 0


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(demo_page, browser, scheme):
    from PIL import Image

    seen = []
    page = browser.new_context(color_scheme=scheme, offline=True).new_page()
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(demo_page.as_uri())
    charts = page.locator("svg").all()
    assert len(charts) == 7
    for chart in charts:
        marks = chart.locator('[role="graphics-symbol"]').evaluate_all(
            "marks => marks.map(mark => {const box = mark.getBoundingClientRect();"
            " return box.width * box.height})"
        )
        assert max(marks) > 0
        picture = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
        pixels = np.asarray(picture)
        paper = pixels[0, 0]
        assert (paper.mean() > 200) == (scheme == "light")
        assert near(pixels, (0x3B, 0x82, 0xD0)).sum() > 50  # best-fit
        ink = pixels[:, :40].reshape(-1, 3).astype(int)  # labels of the axis
        assert np.abs(ink - paper).max() > 128
    page_width = page.evaluate("document.documentElement.scrollWidth")
    assert page_width <= page.viewport_size["width"]
    assert seen == [demo_page.as_uri()]
