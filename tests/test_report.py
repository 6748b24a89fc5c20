"""The report: its figures against what they are made of, its page in a browser."""

import html.parser
import io
import re
import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpack
from fastpack import MissingExtraError, OptionError, PackingOptions
from fastpack.cli.demo import run_demo
from fastpack.cli.main import main
from fastpack.documents.batches import as_documents
from fastpack.reports.page import render
from fastpack.reports.report import make_report, sweep_of

altair = pytest.importorskip("altair")

KINDS = {"documents-cut", "padding", "sequences"}


def report_of(lengths, context_lengths, **rules):
    documents = as_documents(pl.LazyFrame({"n_tokens": lengths}), ())
    options = [PackingOptions(context_length=each, **rules) for each in context_lengths]
    return make_report("a corpus", documents, options)


@given(
    st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4),
    st.sampled_from([1, 2, 16]),
)
def test_the_sweep(lengths, align):
    lengths = [max(align, length - length % align) for length in lengths]
    chosen = [PackingOptions(context_length=each, align=align) for each in lengths]
    swept = [each.context_length for each in sweep_of(chosen)]
    assert swept == sorted(set(swept))
    assert set(lengths) <= set(swept)
    assert all(each % align == 0 for each in swept)
    if len(set(lengths)) > 1:
        assert (swept[0], swept[-1]) == (min(lengths), max(lengths))
        if max(lengths) >= 8 * min(lengths) and min(lengths) >= 16 * align:
            assert len(swept) >= 12


def test_the_sweep_around_one_length():
    swept = [
        each.context_length for each in sweep_of([PackingOptions(context_length=512)])
    ]
    assert (swept[0], swept[-1], len(swept)) == (128, 2048, 13)
    rules = PackingOptions(context_length=16, extra_tokens=2, min_chunk=9, align=4)
    assert sweep_of([rules])[0].context_length == 12
    rules = PackingOptions(context_length=512, long_documents="error")
    assert sweep_of([rules])[0].context_length == 512
    assert sweep_of([PackingOptions(context_length=1)])[0].context_length == 1


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=60),
    st.lists(st.integers(2, 64), min_size=1, max_size=2, unique=True),
    st.sampled_from(
        [{}, {"max_documents": 2}, {"long_documents": "drop"}, {"extra_tokens": 1}]
    ),
)
def test_figures_are_those_of_compare_and_the_plan(lengths, context_lengths, rules):
    series = pl.Series(lengths, dtype=pl.Int32)
    report = report_of(series, context_lengths, **rules)
    if not sum(lengths):
        assert report.sweep == []
        return
    assert {figure.kind for figure in report.sweep} == KINDS
    cut, padding, sequences = (figure.table for figure in report.sweep)
    table = fastpack.compare(
        series, context_length=cut["context length"].to_list(), **rules
    )
    for strategy, name in (("concatenate", "concatenation"), ("best_fit", "best-fit")):
        rows = table.filter(pl.col("strategy") == strategy)
        assert cut[name].equals(rows["documents_cut"])
        assert np.allclose(
            cut[f"{name}, %"], rows["documents_cut"] / len(lengths) * 100
        )
        assert padding[name].equals(rows["padding"])
        assert sequences[name].equals(rows["n_bins"])
    assert len(report.sections) == len(context_lengths)
    for context_length, section in zip(
        sorted(context_lengths), report.sections, strict=True
    ):
        plan = fastpack.plan(series, context_length=context_length, **rules)
        if not plan.n_bins:
            assert section.figures == []
            continue
        cuts, documents, *space = (figure.table for figure in section.figures)
        expected = fastpack.cuts(series, context_length=context_length, **rules)
        for mine, theirs in (
            ("concatenation", "concatenate"),
            ("best-fit", "best_fit"),
        ):
            assert cuts[mine].to_list() == expected[theirs].to_list()
        for counted in (documents, *space):
            assert counted["sequences"].sum() == plan.n_bins
            assert counted["sequences, %"].sum() == pytest.approx(100)
        assert bool(space) == (plan.padding > 0)
        assert sum(each["padding tokens"].sum() for each in space) == plan.padding
        assert f"makes {plan.n_bins:,} sequences" in " ".join(section.sentences)


def test_classes_of_many_documents_in_a_sequence():
    report = report_of([1] * 1000 + [64] * 3, [64])
    table = report.sections[0].figures[1].table
    # 3 documents of 64; 15 sequences of 64 documents of 1 token, one of 40.
    wanted = table.filter(pl.col("sequences") > 0)
    assert wanted["documents in a sequence"].to_list() == ["1", "32 - 47", "64"]
    assert wanted["sequences"].to_list() == [3, 1, 15]


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
    assert reader.tags.count("svg") == reader.tags.count("figure") == 9
    assert reader.tags.count("table") == 10
    assert len(set(reader.ids)) == len(reader.ids)
    assert set(re.findall(r"https?://[^\s\"<]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    labelled = re.findall(r'role="img" aria-labelledby="([^"]+)"', page)
    assert len(labelled) == 9
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


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.parquet"
    pl.DataFrame({"n_tokens": [9, 4, 300, 2] * 9}).write_parquet(path)
    return path


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


def test_what_is_missing_is_named(corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fastpack.reports.page.find_spec", lambda name: None)
    output = tmp_path / "report.html"
    assert main(["report", str(corpus), "--output", str(output)]) == 1
    assert "pip install 'fastpack-llm[plot]'" in capsys.readouterr().err
    assert not output.exists()
    assert issubclass(MissingExtraError, ImportError)


def test_nothing_half_written(corpus, tmp_path, monkeypatch):
    def fail(figure):
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
    assert main(["report", str(path), "--format", "svg", "--output", str(output)]) == 1
    assert "nothing to draw" in capsys.readouterr().err
    assert not output.exists()


def test_what_is_left_out_is_said():
    report = report_of([3000, 20, 10, 0], [64], long_documents="drop")
    text = " ".join(report.sentences + report.sections[0].sentences)
    assert "1 document of these empty" in text
    assert "leaves out 1 document whole, 3,000 tokens (99 % of all)" in text
    assert "long_documents = drop" in text


def test_context_lengths_are_checked():
    with pytest.raises(OptionError, match="context_length"):
        report_of([1, 2], [0])


def near(pixels, color):
    """Return which pixels have a color, about."""
    return np.abs(pixels.astype(int) - color).max(axis=-1) < 24


@pytest.fixture(scope="module")
def demo_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    demo = run_demo(None, folder, 2048, overwrite=False)
    output = folder / "report.html"
    command = ["report", str(demo.documents), "--output", str(output)]
    assert main([*command, "--context-length", "512", "2048", "8192"]) == 0
    return output


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(demo_page, scheme):
    from PIL import Image
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        pytest.skip("there is no Chromium on this machine")
    seen = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(color_scheme=scheme, offline=True).new_page()
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url))
        page.goto(demo_page.as_uri())
        charts = page.locator("svg").all()
        assert len(charts) == 12
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
        browser.close()
    assert seen == [demo_page.as_uri()]
