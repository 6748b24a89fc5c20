"""The layout of sequences in files, by the manifests of the runs that packed them."""

from collections.abc import Sequence
from typing import Any

from fastpack.errors import OptionError
from fastpack.files.formats.chunks import KnownLayout
from fastpack.files.manifest import Manifest
from fastpack.files.verify_files import check_outputs
from fastpack.storage.location import Location, Url


def layout_of_files(paths: Sequence[Location], align: int | None) -> KnownLayout:
    """Return the layout of sequences, as far as it is known.

    Parameters
    ----------
    paths
        Their files: of folders of `fastpack pack-tokens`, or others.
    align
        The `align` that was given, if any.

    Raises
    ------
    VerificationError
        A run is not complete, or a file of it was changed.
    OptionError
        `align` is not that of a run, or runs differ in it.
    """
    layouts = {_layout_of(folder, align) for folder in {path.parent for path in paths}}
    if len(layouts) > 1:
        shown = ", ".join(sorted(str(each.align) for each in layouts))
        msg = (
            f"the sources were packed with different `align`, or padding: {shown}\n"
            "Hint: convert each of them by itself."
        )
        raise OptionError(msg)
    (layout,) = layouts
    return layout


def _layout_of(folder: Location, align: int | None) -> KnownLayout:
    """Return the layout that the run of a folder packed, after a check of its files."""
    job = None
    if not isinstance(folder, Url) or folder.scheme != "hf":  # runs write to no hub
        manifest = Manifest(folder)
        manifest.read()
        job = manifest.job
    if job is None or "sequences" not in job:
        return KnownLayout(align)
    check_outputs(manifest)
    options: dict[str, Any] = job["options"]
    packed = options["align"]
    if align is not None and align != packed:
        msg = (
            f"`align` was given as {align}, and {folder} was packed with {packed}\n"
            "Hint: leave it out: the folder knows its rules."
        )
        raise OptionError(msg)
    return KnownLayout(packed, job["sequences"]["pad_id"] is not None)
