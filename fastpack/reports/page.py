"""Write a report: one page that needs no network, or a picture of each chart."""

import re
from contextlib import ExitStack, suppress
from importlib.resources import files
from importlib.util import find_spec
from math import log10
from pathlib import Path
from typing import Any, Literal, get_args

from fastpack.errors import DataError, MissingExtraError, OptionError
from fastpack.outputs import check_output, exists_error, replacing
from fastpack.reports.charts import Chart, Kind
from fastpack.reports.report import Report
from fastpack.version import __version__

ReportFormat = Literal["html", "png", "svg"]


def check_extra() -> None:
    """Raise MissingExtraError if a package of the extra `report` is not installed."""
    for name in ("altair", "jinja2", "vl_convert"):
        if find_spec(name) is None:
            msg = (
                f"a report needs the package {name}, which is not installed\n"
                "Hint: pip install 'fastpack-llm[report]'."
            )
            raise MissingExtraError(msg)


def check_report_output(
    output: Path, report_format: ReportFormat, sources: list[Path], *, overwrite: bool
) -> None:
    """Refuse an output that cannot be written, before the corpus is read."""
    if report_format == "html":
        check_output(output, suffix=".html", sources=sources, overwrite=overwrite)
    elif output.suffix.lower() == ".html" and not output.is_dir():
        msg = (
            f"charts as {report_format} go into a folder, got the name of a file: "
            f"{str(output)!r}\n"
            f"Hint: such as {output.stem}/, or leave out --output-format."
        )
        raise OptionError(msg)
    elif output.exists() and not output.is_dir():
        msg = (
            f"charts are written into a folder, got the file {str(output)!r}\n"
            "Hint: choose another name; --output-format html writes a single file."
        )
        raise OptionError(msg)
    elif not overwrite and (charts := _charts_in(output, report_format)):
        raise exists_error(charts[0])


def write_report(
    report: Report, output: Path, report_format: ReportFormat, *, overwrite: bool
) -> list[Path]:
    """Write the page, or the charts into a folder; return the files written.

    All charts appear when the last one is drawn, or none. With `overwrite`, those of an
    earlier report in this format that are not in this one are removed.
    """
    if report_format == "html":
        with replacing(output, overwrite=overwrite) as temporary:
            temporary.write_text(render(report), "utf-8")
        return [output]
    from fastpack.reports.drawing import save_image  # noqa: PLC0415

    if not report.charts:
        msg = (
            "there is nothing to draw: no document has a token\n"
            "Hint: are these the right sources, and the right column of lengths?"
        )
        raise DataError(msg)
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    targets = [output / f"{chart.name}.{report_format}" for chart in report.charts]
    for target in targets:
        check_output(target, suffix=target.suffix, overwrite=overwrite)
    try:
        with ExitStack() as stack:
            for chart, target in zip(report.charts, targets, strict=True):
                temporary = stack.enter_context(replacing(target, overwrite=overwrite))
                save_image(chart, temporary, report_format)
    except BaseException:
        if is_new:
            with suppress(OSError):  # something else was put there in the meantime
                output.rmdir()
        raise
    for earlier in set(_charts_in(output, report_format)) - set(targets):
        if earlier.is_file():
            earlier.unlink()
    return targets


def _charts_in(folder: Path, image_format: ReportFormat) -> list[Path]:
    """Return the files in a folder that have the names of charts."""
    name = re.compile(rf"({'|'.join(get_args(Kind))})(-[0-9]+)?\.{image_format}")
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file for file in files if name.fullmatch(file.name)]


def render(report: Report) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    from fastpack.reports.drawing import as_svg  # noqa: PLC0415

    def drawn(chart: Chart) -> Markup:
        return Markup(as_svg(chart))  # noqa: S704 - the texts in it are escaped there

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(cell=_cell, drawn=drawn)
    template = files("fastpack.reports").joinpath("page.html").read_text("utf-8")
    return environment.from_string(template).render(report=report, version=__version__)


def _cell(value: Any) -> str:
    """Format a cell for people: 99.9998, not 100; 0.00007, not 7e-05."""
    if isinstance(value, float):
        digits = 4 if abs(value) >= 1 or not value else 2 - int(log10(abs(value)) // 1)
        return f"{value:,.{min(digits, 12)}f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
