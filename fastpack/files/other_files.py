"""Other files: those of others in a target, and those of other runs among sources.

Whoever reads all files of the folder would read them, too.
"""

import os
from collections.abc import Callable
from pathlib import Path

from fastpack.errors import OptionError, OutputExistsError
from fastpack.files.manifest import Manifest
from fastpack.storage.location import RUN_FOLDER, Location, Url
from fastpack.storage.objects import list_objects

PARQUET = (".parquet", ".pq")


def other_files(folder: Location, is_output: Callable[[str], bool]) -> list[Path]:
    """Return the names of Parquet files below a target that are no outputs."""
    if isinstance(folder, Url):
        start = len(folder.path) + 1
        found = [Path(url.path[start:]) for url, _ in list_objects(folder)]
    else:
        paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
        found = [path.relative_to(folder) for path in paths]
    return [
        path
        for path in found
        if path.suffix.lower() in PARQUET
        and not is_output(path.as_posix())
        and path.parts[0] != RUN_FOLDER
    ]


def refuse_other_files(manifest: Manifest, is_output: Callable[[str], bool]) -> None:
    """Refuse a target that has Parquet files of others, before a run writes to it.

    Those of the earlier run that the manifest has read are none of others.
    """
    earlier = set((manifest.job or {}).get("outputs", []))
    others = other_files(
        manifest.target, lambda name: name in earlier or is_output(name)
    )
    if others:
        msg = (
            f"`target` holds other Parquet files, {len(others):,} of them: "
            f"{manifest.target / others[0].as_posix()}\n"
            "Hint: name a folder of its own: readers of the folder would read both."
        )
        raise OutputExistsError(msg)


def refuse_outputs_among(folders: set[Path]) -> None:
    """Refuse folders of sources, some of which are outputs of an earlier run."""
    if not folders:
        return
    common = Path(os.path.commonpath(folders))
    around = {each: {each, *each.parents} for each in folders}
    below = {each for each in set().union(*around.values()) if common in each.parents}
    runs = {each for each in below if (each / RUN_FOLDER / "manifest.jsonl").is_file()}
    if runs and not all(runs & each for each in around.values()):
        msg = (
            f"the sources have outputs of an earlier run, {min(runs)}, beside others\n"
            "Hint: name the folders of documents, or move the outputs elsewhere."
        )
        raise OptionError(msg)
