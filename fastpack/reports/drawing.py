"""Draw figures with Altair: one chart a figure, as SVG or PNG."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl

from fastpack.reports.charts import Chart, Kind

ImageFormat = Literal["png", "svg"]

_SVG = "http://www.w3.org/2000/svg"

_WIDTH, _HEIGHT = 420, 220

# To be told apart by all eyes, on a white page and on a black one.
_COLORS = {
    "concatenation": "#d0700f",
    "best-fit": "#3b82d0",
    "one document each": "#8a8a8a",
}

_NUMBER = ".3~r"
"""Three digits and no exponent: 0.05, 12.3, 80."""

_PLOTTED_SCALE = 2.0
"""Pixels of a PNG to a point."""


def save_image(figure: Chart, path: Path, image_format: ImageFormat) -> None:
    """Write a figure as a picture of its own, on white, with its title."""
    chart = _draw(figure).properties(title=figure.title, background="white")
    chart.save(str(path), format=image_format, scale_factor=_PLOTTED_SCALE)


def as_svg(figure: Chart) -> str:
    """Return a figure as an <svg> element for a page, in the page's own colors.

    Each mark has its numbers as a tooltip; no script is needed.
    """
    buffer = io.StringIO()
    chart = _draw(figure).properties(background="transparent")
    chart.save(buffer, format="svg")
    ET.register_namespace("", _SVG)
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - written a line above
    name = f"{figure.name}-description"
    root.set("role", "img")
    root.set("aria-labelledby", name)
    for mark in list(root.iter()):
        text = mark.get("aria-label")
        if mark.get("role") == "graphics-symbol" and text:
            ET.SubElement(mark, f"{{{_SVG}}}title").text = text
    for element in root.iter():  # ids are the page's, so that none may come twice
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{figure.name}-{value}")
            else:
                element.set(key, value.replace("url(#", f"url(#{figure.name}-"))
    title = ET.Element(f"{{{_SVG}}}title", {"id": name})
    title.text = f"{figure.title}. {figure.description}"
    root.insert(0, title)
    return ET.tostring(root, encoding="unicode")


def _draw(figure: Chart) -> Any:
    chart = _CHARTS[figure.kind](figure.table)
    return (
        chart.configure(font="sans-serif")
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor="currentColor",
            tickColor="currentColor",
            gridColor="currentColor",
            gridOpacity=0.15,
            titleFontWeight="normal",
            labelFontSize=11,
            titleFontSize=12,
        )
        .configure_legend(
            labelColor="currentColor", title=None, orient="top", labelFontSize=12
        )
        .configure_view(stroke=None)
    )


def _lines(table: pl.DataFrame, title: str, unit: str, *, log: bool = False) -> Any:
    """Draw a line for each strategy over the context length."""
    x = table.columns[0]
    wanted = [name for name in table.columns if name.removesuffix(unit) in _COLORS]
    wanted = [name for name in wanted if name.endswith(unit)]
    long = table.select(x, *wanted).unpivot(index=x, variable_name="strategy")
    long = long.with_columns(pl.col("strategy").str.strip_suffix(unit))
    strategies = [name.removesuffix(unit) for name in wanted]
    lengths = table[x].to_list()
    scale = alt.Scale(type="log", base=2, nice=False)
    return (
        alt.Chart(long)
        .mark_line(point={"size": 30, "filled": True})
        .encode(
            x=alt.X(
                x, type="quantitative", title="context length, tokens", scale=scale
            ).axis(values=_ticks(lengths), format=",", grid=False),
            y=alt.Y("value", type="quantitative", title=title)
            .scale(type="log" if log else "linear")
            .axis(format="~s" if log else _NUMBER, tickCount=6),
            color=_color(strategies),
            # Lines that coincide are both to be seen.
            strokeWidth=alt.StrokeWidth("strategy:N", sort=strategies).scale(
                domain=strategies, range=[5, 2, 2][: len(strategies)]
            ),
            strokeDash=alt.StrokeDash("strategy:N", sort=strategies).scale(
                domain=strategies, range=[[1, 0], [6, 3], [2, 2]][: len(strategies)]
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _ticks(lengths: list[int]) -> list[int]:
    """Choose context lengths that are written at the axis: powers of two, if any."""
    powers = [2**power for power in range(lengths[0].bit_length() - 1, 32)]
    powers = [each for each in powers if lengths[0] <= each <= lengths[-1]]
    if len(powers) > 1:
        return powers[:: -(-len(powers) // 8)]
    ticks = [lengths[0]]
    step = (lengths[-1] / lengths[0]) ** (1 / 6)
    for length in lengths[1:]:
        if length >= ticks[-1] * step * 0.99:
            ticks.append(length)
    return ticks


def _color(strategies: list[str]) -> Any:
    colors = [_COLORS[name] for name in strategies]
    return alt.Color("strategy:N", sort=strategies).scale(
        domain=strategies, range=colors
    )


def _cuts_chart(table: pl.DataFrame) -> Any:
    """Draw cuts a document above, and how many documents there are below."""
    classes = table["tokens"].to_list()
    strategies = ["concatenation", "best-fit"]
    long = table.unpivot(
        on=strategies, index=["tokens", "documents"], variable_name="strategy"
    )
    x = alt.X("tokens:N", sort=classes)
    most = max(1.0, *(float(value) for value in long["value"]))
    steps = [step * 10**power for power in range(13) for step in (1, 2, 5)]
    ticks = [0, *(step for step in steps if step <= most)]
    cuts = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=x.axis(labels=False, ticks=False, title=None),
            xOffset=alt.XOffset("strategy:N", sort=strategies),
            # Linear up to one cut a document, then logarithmic.
            y=alt.Y("value", type="quantitative", title="cuts (from 1 on, log scale)")
            .scale(type="symlog", constant=1, domain=[0, most])
            .axis(values=ticks, format=_NUMBER, labelOverlap="greedy"),
            color=_color(strategies),
        )
        .properties(width=_WIDTH, height=_HEIGHT - 60)
    )
    documents = (
        alt.Chart(table)
        .mark_bar(color=_COLORS["one document each"])
        .encode(
            x=x.axis(labelAngle=-45, title="tokens in the document"),
            y=alt.Y("documents:Q").axis(format="~s", tickCount=3),
        )
        .properties(width=_WIDTH, height=60)
    )
    return alt.vconcat(cuts, documents, spacing=8)


def _bars(table: pl.DataFrame) -> Any:
    """Draw the share of sequences in each class, but for full ones: the most by far."""
    x = table.columns[0]
    if x.startswith("space"):
        table = table.filter(pl.col(x) != "0")
    return (
        alt.Chart(table)
        .mark_bar(color=_COLORS["best-fit"])
        .encode(
            x=alt.X(x, type="nominal", sort=table[x].to_list()).axis(labelAngle=-45),
            y=alt.Y("sequences, %", type="quantitative").axis(
                format=_NUMBER, tickCount=6
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


_CHARTS: dict[Kind, Callable[[pl.DataFrame], Any]] = {
    "documents-cut": lambda table: _lines(table, "documents cut, %", ", %"),
    "padding": lambda table: _lines(table, "padding, % of the capacity", ", %"),
    "sequences": lambda table: _lines(table, "sequences", "", log=True),
    "cuts": _cuts_chart,
    "documents-per-sequence": _bars,
    "space-left": _bars,
}
