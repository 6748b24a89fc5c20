"""The arguments of training sequences: what they hold, and how they are written."""

import argparse

from fastpack.cli.shared_arguments import integer
from fastpack.storage.location import as_path, is_url


def add_sequences(parser: argparse.ArgumentParser) -> None:
    """Add the folder, the columns that are read, and what is made of them."""
    parser.add_argument(
        "--output",
        required=True,
        type=_folder,
        metavar="DIR",
        help="the folder to write, also of s3://, gs:// or az://",
    )
    group = parser.add_argument_group("the sequences")
    group.add_argument(
        "--tokens",
        default="input_ids",
        metavar="COLUMN",
        help="the column of token lists (default: %(default)s)",
    )
    group.add_argument(
        "--columns",
        nargs="+",
        action="extend",
        default=[],
        type=_column,
        metavar="COLUMN[=PAD]",
        help="columns with a value for each token, such as labels=-100: PAD is written "
        "where no document has one (default: -100 in labels, 0 in others)",
    )
    group.add_argument(
        "--boundaries",
        nargs="*",
        default=["seq_lengths"],
        metavar="NAME",
        help="columns that say where documents begin and end: seq_lengths (the "
        "default), position_ids, cu_seqlens, seq_start_id, segment_ids, chunk_starts",
    )
    for name, text in _IDS.items():
        group.add_argument(f"--{name}-id", type=integer, metavar="ID", help=text)
    group.add_argument(
        "--compression",
        default="zstd",
        metavar="NAME",
        help="of the files: zstd (the default), lz4, snappy, gzip, brotli or "
        "uncompressed",
    )
    group.add_argument(
        "--compression-level",
        type=integer,
        metavar="N",
        help="its level: 1 of zstd takes two thirds of the time of its default",
    )


_IDS = {
    "pad": "the token that fills sequences up to L; they are as long as what is in "
    "them without it",
    "bos": "the token added before each chunk",
    "eos": "the token added behind each chunk",
}


def _folder(text: str) -> str:
    """Refuse the name of a file: it would be a folder of that name."""
    if text.endswith(".parquet") and (is_url(text) or not as_path(text).is_dir()):
        message = (
            f"is a folder, got the name of a file: {text!r}\n"
            f"Hint: such as {text.removesuffix('.parquet')}/."
        )
        raise argparse.ArgumentTypeError(message)
    return text


def _column(text: str) -> tuple[str, float | None]:
    """Read the name of a column, and its pad value if it has one."""
    name, has_pad, pad = text.rpartition("=")
    if not has_pad:
        return text, None
    try:
        return name, int(pad)
    except ValueError:
        pass
    try:
        return name, float(pad)
    except ValueError as error:
        message = f"must be the name of a column, or NAME=PAD, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error
