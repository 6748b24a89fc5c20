"""Draw charts with Altair, as SVG or PNG."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl

from fastpack.reports.charts import Chart, Kind
from fastpack.reports.compare import STRATEGY_NAMES, Strategy

ImageFormat = Literal["png", "svg"]

_SVG = "http://www.w3.org/2000/svg"

_WIDTH, _HEIGHT = 420, 220

# Distinct for all eyes, on a white page and on a black one.
_COLORS: dict[Strategy, str] = {"concatenate": "#d0700f", "best_fit": "#3b82d0"}

_GREY = "#8a8a8a"

_NUMBER = ".3~r"
"""Three digits and no exponent: 0.05, 12.3, 80."""

_PLOTTED_SCALE = 2.0
"""Pixels of a PNG to a point."""


def save_image(chart: Chart, path: Path, image_format: ImageFormat) -> None:
    """Write a chart as a picture of its own, on white, with its title."""
    drawing = _draw(chart).properties(title=chart.title, background="white")
    drawing.save(str(path), format=image_format, scale_factor=_PLOTTED_SCALE)


def as_svg(chart: Chart) -> str:
    """Return a chart as an <svg> element for a page, in the page's own colors.

    Each mark has its numbers as a tooltip; no script is needed.
    """
    buffer = io.StringIO()
    drawing = _draw(chart).properties(background="transparent")
    drawing.save(buffer, format="svg")
    ET.register_namespace("", _SVG)
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - written a line above
    name = f"{chart.name}-description"
    root.set("role", "img")
    root.set("aria-labelledby", name)
    for mark in list(root.iter()):
        text = mark.get("aria-label")
        if mark.get("role") == "graphics-symbol" and text:
            ET.SubElement(mark, f"{{{_SVG}}}title").text = text
    for element in root.iter():  # ids are unique in the page, not in a chart alone
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{chart.name}-{value}")
            else:
                element.set(key, value.replace("url(#", f"url(#{chart.name}-"))
    title = ET.Element(f"{{{_SVG}}}title", {"id": name})
    title.text = f"{chart.title}. {chart.description}"
    root.insert(0, title)
    return ET.tostring(root, encoding="unicode")


def _draw(chart: Chart) -> Any:
    return (
        _DRAWN_BY[chart.kind](chart)
        .configure(font="sans-serif")
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


def _lines(chart: Chart) -> Any:
    """Draw a line for each strategy."""
    names, color = _strategies(chart)
    scale = alt.Scale(type="log", base=2, nice=False)
    return (
        alt.Chart(_by_strategy(chart))
        .mark_line(point={"size": 30, "filled": True})
        .encode(
            x=alt.X(
                chart.x, type="quantitative", title=chart.x_title, scale=scale
            ).axis(
                values=_ticks(chart.table[chart.x].to_list()), format=",", grid=False
            ),
            y=alt.Y("value", type="quantitative", title=chart.y_title).axis(
                format=_NUMBER, tickCount=6
            ),
            color=color,
            # Of lines that coincide, both are visible.
            strokeWidth=alt.StrokeWidth("strategy:N", sort=names).scale(
                domain=names, range=[5, 2]
            ),
            strokeDash=alt.StrokeDash("strategy:N", sort=names).scale(
                domain=names, range=[[1, 0], [6, 3]]
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _by_strategy(chart: Chart) -> pl.DataFrame:
    """Return the series one below the other: x, `strategy` (its name) and `value`."""
    x = pl.col(chart.x)
    return pl.concat(
        chart.table.select(
            x, strategy=pl.lit(STRATEGY_NAMES[strategy]), value=pl.col(column)
        )
        for strategy, column in chart.series.items()
    )


def _strategies(chart: Chart) -> tuple[list[str], Any]:
    """Return the names of the strategies in their order, and their colors."""
    names = [STRATEGY_NAMES[strategy] for strategy in chart.series]
    colors = [_COLORS[strategy] for strategy in chart.series]
    color = alt.Color("strategy:N", sort=names).scale(domain=names, range=colors)
    return names, color


def _ticks(lengths: list[int]) -> list[int]:
    """Choose the context lengths at the axis: powers of two, if there are several."""
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


def _cuts(chart: Chart) -> Any:
    """Draw the cuts of a document above, the number of documents below."""
    names, color = _strategies(chart)
    long = _by_strategy(chart)
    x = alt.X(f"{chart.x}:N", sort=chart.table[chart.x].to_list())
    most = max(1.0, *(float(value) for value in long["value"]))
    steps = [step * 10**power for power in range(13) for step in (1, 2, 5)]
    ticks = [0, *(step for step in steps if step <= most)]
    cuts = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=x.axis(labels=False, ticks=False, title=None),
            xOffset=alt.XOffset("strategy:N", sort=names),
            # Linear up to one cut a document, then logarithmic.
            y=alt.Y("value", type="quantitative", title=chart.y_title)
            .scale(type="symlog", constant=1, domain=[0, most])
            .axis(values=ticks, format=_NUMBER, labelOverlap="greedy"),
            color=color,
        )
        .properties(width=_WIDTH, height=_HEIGHT - 60)
    )
    documents = (
        alt.Chart(chart.table)
        .mark_bar(color=_GREY)
        .encode(
            x=x.axis(labelAngle=-45, title=chart.x_title),
            y=alt.Y("documents:Q").axis(format="~s", tickCount=3),
        )
        .properties(width=_WIDTH, height=60)
    )
    return alt.vconcat(cuts, documents, spacing=8)


def _bars(chart: Chart) -> Any:
    """Draw a bar for each class of sequences."""
    ((strategy, column),) = chart.series.items()
    order = chart.table[chart.x].to_list()
    x = alt.X(chart.x, type="nominal", title=chart.x_title, sort=order)
    return (
        alt.Chart(chart.table)
        .mark_bar(color=_COLORS[strategy])
        .encode(
            x=x.axis(labelAngle=-45),
            y=alt.Y(column, type="quantitative", title=chart.y_title).axis(
                format=_NUMBER, tickCount=6
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


_DRAWN_BY: dict[Kind, Callable[[Chart], Any]] = {
    "documents-cut": _lines,
    "cuts": _cuts,
    "documents-per-sequence": _bars,
}
