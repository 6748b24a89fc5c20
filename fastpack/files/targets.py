"""Targets: the outputs in the folder that is written, new ones and earlier ones."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from fastpack.errors import OptionError, OutputExistsError
from fastpack.files.formats.registry import suffix_of
from fastpack.files.manifest import (
    FOLDER,
    Fingerprint,
    Manifest,
    describe_changes,
    job_id_of,
)
from fastpack.files.reading import Selection
from fastpack.files.shard import Shard
from fastpack.files.sources import StrPath, check_name, real_paths
from fastpack.outputs import OVERWRITE, read_metadata

_CHANGES_SHOWN = 5


class Piece(Protocol):
    """A part of the work of a pass."""

    @property
    def n_bytes(self) -> int:
        """Its size in the sources, in bytes."""


class Output(Piece, Protocol):
    """A file that a run writes: of a shard, say."""

    @property
    def name(self) -> str:
        """The name of the output in the manifest."""

    @property
    def output(self) -> Path:
        """The file."""


_RENAME_HINT = "Hint: rename one of them, or pack them into different folders."


def check_target(target: StrPath) -> Path:
    """Return the absolute path of a target; refuse names that are no folder's."""
    name = os.fspath(target)
    if not name or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", name):
        msg = (
            f"`target` must be a folder on this machine, got {name!r}\n"
            "Hint: such as assignment/."
        )
        raise OptionError(msg)
    path = _absolute(Path(target))
    check_name(path)
    return path


def _absolute(path: Path) -> Path:
    """Return an absolute path without ".."; links stay, as they give their names."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def name_shards(
    paths: Sequence[Path], columns: Selection, manifest: Manifest
) -> list[Shard]:
    """Return the shard of each source; refuse outputs that could not be written.

    Outputs are named as their sources, below the folder that these have in common.
    """
    paths = check_sources(paths, manifest.target)
    common = Path(os.path.commonpath([path.parent for path in paths]))
    sources: dict[Path, Path] = {}
    for path in paths:
        stem = path.name.removesuffix(suffix_of(path))
        name = path.relative_to(common).with_name(f"{stem}.parquet")
        _check_output_of(path, name, sources.get(name), manifest.target)
        sources[name] = path
    shards = [
        Shard(
            source=path,
            fingerprint=Fingerprint.of(real),
            output=manifest.target / name,
            counts_file=manifest.counts_folder / f"{number}.parquet",
            name=str(name),
            columns=columns,
        )
        for number, ((name, path), real) in enumerate(
            zip(sources.items(), real_paths(paths), strict=True)
        )
    ]
    for folder in {shard.output.parent for shard in shards}:
        if not _is_inside(folder, manifest.target):
            msg = (
                f"a link leads out of the target: {folder} is {folder.resolve()}\n"
                "Hint: remove the link, or choose another folder."
            )
            raise OptionError(msg)
    resolved = {shard.fingerprint.path for shard in shards}
    outputs = real_paths(shard.output for shard in shards)
    for (name, path), output in zip(sources.items(), outputs, strict=True):
        if any(parent in sources for parent in name.parents):
            msg = (
                f"the output of a source is a folder of others: {path}\n{_RENAME_HINT}"
            )
            raise OptionError(msg)
        if output in resolved:
            msg = (
                f"the output of {path} would replace a source: {output}\n"
                "Hint: write the assignments to a folder of their own."
            )
            raise OutputExistsError(msg)
    return shards


def check_sources(paths: Sequence[Path], target: Path) -> list[Path]:
    """Return the absolute paths of sources; refuse those in the target itself."""
    paths = list(map(_absolute, paths))
    for folder, path in {path.parent: path for path in paths}.items():
        if folder.resolve() == target.resolve():
            msg = (
                f"the outputs would lie beside their sources: {path}\n"
                "Hint: write them to a folder of their own."
            )
            raise OptionError(msg)
    return paths


def _is_inside(folder: Path, target: Path) -> bool:
    """Say whether a folder of outputs is what it is called: no link on the way."""
    return folder.resolve() == target.resolve() / folder.relative_to(target)


def _check_output_of(path: Path, name: Path, other: Path | None, target: Path) -> None:
    """Refuse the output `name` of a source; `other` is a source of the same name."""
    if name.parts[0] == FOLDER:
        msg = f"{path} would go to fastpack's own folder, {FOLDER}\n{_RENAME_HINT}"
        raise OptionError(msg)
    if other is not None:
        msg = f"two sources have one output, {name}: {other} and {path}\n{_RENAME_HINT}"
        raise OptionError(msg)
    refuse_folder(target / name)


def refuse_folder(output: Path) -> None:
    """Refuse a folder in the place of an output."""
    if output.is_dir():
        msg = f"an output is a folder: {output}\nHint: rename or remove it."
        raise OutputExistsError(msg)


def files_to_replace(
    manifest: Manifest, outputs: Sequence[Output], new_job: dict[str, Any]
) -> list[Path]:
    """Return the files that must not be mixed with those of a new run.

    They are the manifest of an earlier run, which comes first, its outputs, and the
    present files at the outputs of the new one.
    """
    sources = {source["path"] for source in new_job["sources"]}
    files = [manifest.path, *(output.output for output in outputs)]
    job = manifest.job or {}
    job_id = job_id_of(job)
    for name in job.get("outputs", []):
        path = manifest.target / name
        # Only a file of that run still, and in its folder: others may have written the
        # manifest, or links.
        is_within = manifest.target in path.parents and ".." not in path.parts
        if not is_within or not _is_inside(path.parent, manifest.target):
            continue
        is_source = str(path.resolve()) in sources
        if not is_source and (read_metadata(path) or {}).get("job") == job_id:
            files.append(path)
    return files


def check_earlier(
    manifest: Manifest, outputs: Sequence[Output], job: dict[str, Any], *, resume: bool
) -> None:
    """Refuse a target that holds another job, or outputs of other origin.

    Entries of the manifest whose outputs are not of the size that was written are
    dropped; `check_outputs` looks at their bytes.
    """
    if manifest.job is not None:
        if not resume:
            msg = (
                f"an earlier run packed into {manifest.target}\n"
                f"Hint: go on with it, or start anew with {OVERWRITE}."
            )
            raise OutputExistsError(msg)
        if changes := describe_changes(manifest.job, job):
            raise changed_error(manifest.target, changes)
        manifest.job = job  # the same, or damaged where nothing is compared
    job_id = job_id_of(job)
    entries, manifest.complete = manifest.complete, {}
    for output in outputs:
        entry = entries.get(output.name)
        if not os.path.lexists(output.output):  # a broken link is
            continue
        # Of the size that was written: ours, if damaged too.
        if entry is not None and _size_of(output.output) == entry["bytes"]:
            manifest.complete[output.name] = entry
        elif (read_metadata(output.output) or {}).get("job") != job_id:
            msg = (
                "the output exists already, and is no file of this job: "
                f"{output.output}\n"
                "Hint: move it away, choose another folder, or start anew with "
                f"{OVERWRITE}."
            )
            raise OutputExistsError(msg)


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def changed_error(target: Path, changes: Sequence[str]) -> OutputExistsError:
    """Return the error that says what changed since an earlier run."""
    shown = list(changes[:_CHANGES_SHOWN])
    if len(changes) > _CHANGES_SHOWN:
        shown.append(f"and {len(changes) - _CHANGES_SHOWN:,} more")
    msg = (
        f"{target} holds an earlier run, since which changed: {'; '.join(shown)}\n"
        f"Hint: start anew with {OVERWRITE}, or choose another folder."
    )
    return OutputExistsError(msg)
