"""The commands of formats: `convert`, the list of `formats`, and a look at sources."""

import argparse
from typing import Any

from fastpack.cli.display import PrintedTable, print_tables
from fastpack.cli.printing import print_json, say
from fastpack.files.formats.format import Format
from fastpack.files.formats.registry import FORMATS, format_of
from fastpack.files.sources import find_sources
from fastpack.files.write_sequences import convert_files
from fastpack.storage.location import Location, path_here


def convert(arguments: argparse.Namespace) -> None:
    """Write training sequences in another format."""
    output = path_here(arguments.output, "output")
    paths = find_sources(arguments.sources, output, arguments.source_format)
    converted = convert_files(
        paths,
        output,
        arguments.tokens,
        arguments.columns,
        source_format=arguments.source_format,
        output_format=arguments.output_format,
        align=arguments.align,
        overwrite=arguments.overwrite,
    )
    if converted.left_out:
        names = ", ".join(converted.left_out)
        say(f"left out, as the format cannot hold them: {names}")
    if not converted.has_boundaries:
        say(
            "each sequence counts as one document: no column, such as seq_lengths, "
            "says where its documents are"
        )
    say(f"wrote {arguments.output}")


def list_formats(arguments: argparse.Namespace) -> None:
    """Print the formats: how their files are named, what is read and written."""
    rows = [_describe(each) for each in FORMATS]
    if arguments.json:
        print_json(rows)
        return
    header = ("name", "files", "lengths", "tokens", "sequences")
    cells: list[tuple[str, ...]] = [
        (
            row["title"],
            row["name"],
            " ".join(row["files"]),
            "read" if row["reads_lengths"] else "",
            "read" if row["reads_tokens"] else "",
            "written" if row["writes_sequences"] else "",
        )
        for row in rows
    ]
    print_tables(PrintedTable("Formats", cells, header))


def _describe(each: Format) -> dict[str, Any]:
    names = each.suffixes or each.markers or filter(None, [each.output_suffix])
    return {
        "name": each.name,
        "title": each.title,
        "files": list(names),
        "settings": list(each.settings),
        "reads_lengths": each.open is not None,
        "reads_tokens": each.open is not None and each.has_tokens,
        "writes_sequences": each.write is not None,
    }


def may_be_tokens(arguments: argparse.Namespace, path: Location) -> bool:
    """Say whether a source is read as lengths, and nothing in it says so."""
    if arguments.source_format is not None or not hasattr(arguments, "length"):
        return False
    return path.suffix.lower() == ".npy" and format_of(path).name == "npy"
