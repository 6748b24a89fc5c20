"""OLMo's packed dataset: the three index files in which it keeps where documents go.

`NumpyPackedFSLDataset` of OLMo-core packs each source by best-fit, in Python, and keeps
the result in ``dataset-common/`` of its work folder; if the files are there, it reads
them instead. They are arrays of uint64 without a header:

    document-indices         first token and end of each chunk in the source
    instance-offsets         the first chunk of each sequence, and the end, in the next
    documents-by-instance    the numbers of the chunks of all sequences, in their order

Their names end with a hash of the source's path, as the dataset has it, its size, and
what the packing depends on.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fastpack.documents.inputs import DEFAULT_LENGTH, as_frame, check_names
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, OptionError, SourceNotFoundError
from fastpack.files.formats.format import Request
from fastpack.files.formats.olmo import open_olmo
from fastpack.files.formats.registry import parse_format
from fastpack.options import PackingOptions
from fastpack.outputs import replacing
from fastpack.storage.location import path_here

_STRATEGIES = {"split": "fragment", "truncate": "truncate"}
"""OLMo's words for `long_documents`."""

_COLUMNS = ("document", "chunk_start", "chunk_length", "bin", "bin_offset")


def write_olmo_index(
    assignment: Any,
    source: str,
    work_dir: str,
    *,
    context_length: int,
    long_documents: str = "split",
    source_format: str = "olmo",
    overwrite: bool = False,
) -> list[Path]:
    """Write an assignment as the index files of OLMo-core's packed dataset.

    The tokens stay where they are: `NumpyPackedFSLDataset` reads them from the source,
    in the sequences of this assignment.

    Parameters
    ----------
    assignment
        The table of `fastpack.pack` for the documents of `source`, in their order.
    source
        The .npy file of tokens, by the path that the dataset is given.
    work_dir
        The work folder of the dataset.
    context_length
        Its `sequence_length`.
    long_documents
        Its `long_doc_strategy`: ``"split"`` is `LongDocStrategy.fragment`.
    source_format
        How documents are found, if there is no .csv.gz beside the source:
        ``"olmo:dtype=uint32,end=100257"``.
    overwrite
        Whether files that exist are replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    SourceNotFoundError, DataError, DataTypeError
        The source is absent or damaged, or the assignment is not one of its documents.
    OptionError, OptionTypeError
        A parameter cannot be right; or the packing has tokens that are not in the
        source: OLMo adds none, and leaves no gaps.
    OutputExistsError, OSError
        A file exists already, or cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import fastpack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "part-0.npy")
    ...     np.array([5, 6, 0, 7, 0], np.uint16).tofile(source)  # two documents
    ...     assignment = fastpack.pack([3, 2], context_length=8)
    ...     places, *_ = fastpack.write_olmo_index(
    ...         assignment,
    ...         str(source),
    ...         folder,
    ...         context_length=8,
    ...         source_format="olmo:dtype=uint16,end=0",
    ...     )
    ...     np.fromfile(places, np.uint64).tolist()
    [0, 3, 3, 5]
    """
    if long_documents not in _STRATEGIES:
        msg = (
            f"`long_documents` must be one of {', '.join(_STRATEGIES)}, got "
            f"{long_documents!r}\nHint: OLMo has no other strategies."
        )
        raise OptionError(msg)
    PackingOptions(context_length=context_length)  # refuses what is none
    path = path_here(source, "source")
    if not path.is_file():
        msg = f"no such file: {path}\nHint: name the .npy file of the tokens."
        raise SourceNotFoundError(msg)
    folder = path_here(work_dir, "work_dir") / "dataset-common"
    _, settings = parse_format(source_format)
    documents = open_olmo(path, Request(settings=settings))
    lengths = documents.read(0, documents.n_documents, [DEFAULT_LENGTH])
    chunks = _sort_chunks(
        as_frame(assignment, "assignment"), lengths.to_series().to_numpy()
    )
    counts = np.unique(chunks["bin"].to_numpy(), return_counts=True)[1]
    ends = np.cumsum(counts)
    arrays = {
        "document-indices": chunks.select("start", "end").to_numpy(),
        "instance-offsets": np.column_stack([ends - counts, ends]),
        "documents-by-instance": np.arange(chunks.height),
    }
    digest = hashlib.sha256()
    for part in (source, path.stat().st_size, _STRATEGIES[long_documents], "uint64"):
        digest.update(str(part).encode())
    folder.mkdir(parents=True, exist_ok=True)
    outputs = []
    for name, array in arrays.items():
        output = folder / f"{name}-{context_length}-{digest.hexdigest()}.npy"
        with replacing(output, overwrite=overwrite) as temporary:
            np.ascontiguousarray(array, "<u8").tofile(temporary)
        outputs.append(output)
    return outputs


def _sort_chunks(assignment: pl.DataFrame, lengths: Int64Array) -> pl.DataFrame:
    """Return the chunks in the order of their sequences, with their places."""
    check_names(assignment.columns, "assignment", _COLUMNS)
    chunks = assignment.select(_COLUMNS).drop_nulls("bin").sort("bin", "bin_offset")
    chunks = chunks.cast(pl.Int64)
    document, chunk_start, n_tokens, bins, bin_offset = (
        column.to_numpy() for column in chunks
    )
    if len(document) and not 0 <= document.min() <= document.max() < len(lengths):
        msg = (
            f"`assignment` has documents from {document.min():,} to "
            f"{document.max():,}, the source {len(lengths):,}\n"
            "Hint: is it that of this source?"
        )
        raise DataError(msg)
    document_ends = np.cumsum(lengths)[document]
    starts = document_ends - lengths[document] + chunk_start
    ends = starts + n_tokens
    if (ends > document_ends).any():
        msg = (
            "`assignment` has chunks behind the ends of their documents\n"
            "Hint: is it that of this source?"
        )
        raise DataError(msg)
    previous_ends = np.append(0, bin_offset + n_tokens)[:-1]
    is_first = np.append(-1, bins)[:-1] != bins
    if (bin_offset != np.where(is_first, 0, previous_ends)).any():
        msg = (
            "`assignment` leaves gaps between chunks, and OLMo has none\n"
            "Hint: pack without `extra_tokens` and `align`."
        )
        raise OptionError(msg)
    return chunks.with_columns(start=starts, end=ends)
