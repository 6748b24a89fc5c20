"""The arguments of formats: of sources, and of the commands convert and formats."""

import argparse

from fastpack.cli.shared_arguments import (
    AddParser,
    add_json,
    add_overwrite,
    integer,
)


def add_source_format(parser: argparse.ArgumentParser) -> None:
    """Add the format of the sources."""
    parser.add_argument(
        "--source-format",
        metavar="NAME",
        help="the format of the sources, as `fastpack formats` lists them, with its "
        "settings: flat:dtype=uint16,end=50256 (default: that of each source)",
    )


def add_convert(add_parser: AddParser) -> None:
    """Add the command that writes training sequences in another format."""
    parser = add_parser(
        "convert",
        help="write training sequences in the format of a trainer's loader",
        usage="fastpack convert SOURCE ... --output PATH [options]",
        description=(
            "Write files of training sequences, a row each, in another format, which "
            "its suffix says: .idx (Megatron), .npy, .idx.parquet (NeMo); folders "
            "need --output-format: huggingface or mds."
        ),
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a file of sequences, a folder of them (of `fastpack pack-tokens`, such "
        "as sequences/), or a glob",
    )
    add_source_format(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the file to write; with --output-format huggingface or mds, the folder",
    )
    parser.add_argument(
        "--output-format", metavar="NAME", help="its format, if no suffix says it"
    )
    parser.add_argument(
        "--tokens",
        default="input_ids",
        metavar="COLUMN",
        help="the column of tokens (default: %(default)s)",
    )
    parser.add_argument(
        "--columns",
        nargs="*",
        metavar="COLUMN",
        help="the columns that are written beside it (default: all that the format "
        "can hold); boundaries are read in any case",
    )
    parser.add_argument(
        "--align",
        type=integer,
        metavar="N",
        help="the `--align` that the sequences were packed with; folders of `fastpack "
        "pack-tokens` know theirs",
    )
    add_overwrite(parser)


def add_formats(add_parser: AddParser) -> None:
    """Add the command that lists the formats."""
    parser = add_parser(
        "formats",
        help="list the formats: what is read of each, and what is written",
        description="List the formats of sources, and those of training sequences.",
    )
    add_json(parser, "print the list as JSON, to stdout")
