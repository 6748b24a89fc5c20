"""Targets: the folder that shards are packed into, and what it may hold already."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastpack.errors import (
    OptionError,
    OutputExistsError,
)
from fastpack.files.manifest import (
    FOLDER,
    Fingerprint,
    Manifest,
    describe_changes,
    identify,
)
from fastpack.files.reading import Selection
from fastpack.files.shard import Shard
from fastpack.files.sources import StrPath, check_name
from fastpack.outputs import read_metadata


def check_target(target: StrPath) -> Path:
    """Return the absolute path of a target; refuse what cannot be meant as a folder."""
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
    """Return a path without ".." that is still the name that was given: links stay."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def name_shards(
    paths: Sequence[Path], columns: Selection, manifest: Manifest
) -> list[Shard]:
    """Say for each source where its assignment goes; refuse what could not be."""
    target = manifest.target
    paths = list(map(_absolute, paths))
    common = Path(os.path.commonpath([path.parent for path in paths]))
    shards = []
    named: dict[Path, Path] = {}
    for number, path in enumerate(paths):
        name = path.relative_to(common).with_suffix(".parquet")
        hint = "Hint: rename one of them, or pack them into different folders."
        if name.parts[0] == FOLDER:
            msg = f"{path} would go to fastpack's own folder, {FOLDER}\n{hint}"
            raise OptionError(msg)
        if other := named.get(name):
            msg = f"two sources have one output, {name}: {other} and {path}\n{hint}"
            raise OptionError(msg)
        if (target / name).is_dir():
            msg = f"an output is a folder: {target / name}\n{hint}"
            raise OutputExistsError(msg)
        if path.parent.resolve() == target.resolve():
            msg = (
                f"the assignments would lie beside their sources: {path}\n"
                "Hint: write them to a folder of their own."
            )
            raise OptionError(msg)
        named[name] = path
        counts = manifest.counts / f"{number}.parquet"
        fingerprint = Fingerprint.of(path)
        shards.append(
            Shard(path, fingerprint, target / name, counts, str(name), columns)
        )
    sources = {shard.fingerprint.path for shard in shards}
    for name, path in named.items():
        if any(parent in named for parent in name.parents):
            msg = f"the output of a source is a folder of others: {path}\n{hint}"
            raise OptionError(msg)
        if str((target / name).resolve()) in sources:
            msg = (
                f"the output of {path} would replace a source: {target / name}\n"
                "Hint: write the assignments to a folder of their own."
            )
            raise OutputExistsError(msg)
    return shards


def outputs_to_remove(manifest: Manifest, shards: Sequence[Shard]) -> list[Path]:
    """Return what would be mixed up with a new run: what earlier ones left."""
    sources = {shard.fingerprint.path for shard in shards}
    outputs = [shard.output for shard in shards]
    for name in (manifest.job or {}).get("outputs", []):
        path = manifest.target / name
        # Only what is still a file of that run, and in its folder.
        is_within = manifest.target in path.parents and ".." not in path.parts
        is_source = str(path.resolve()) in sources
        if is_within and not is_source and "job" in (read_metadata(path) or {}):
            outputs.append(path)
    return outputs


def check_earlier(
    manifest: Manifest, shards: Sequence[Shard], job: dict[str, Any], *, resume: bool
) -> None:
    """Refuse to go on in a target that holds another job, or files of others.

    The manifest then has those shards that are complete.
    """
    if manifest.job is not None:
        if not resume:
            msg = (
                f"an earlier run packed into {manifest.target}\n"
                "Hint: go on with it, or start anew with --overwrite (overwrite=True)."
            )
            raise OutputExistsError(msg)
        if changes := describe_changes(manifest.job, job):
            raise changed(manifest.target, changes)
    for shard in shards:
        entry = manifest.complete.pop(shard.name, None)
        if not shard.output.exists():
            continue
        metadata = read_metadata(shard.output) or {}
        if metadata.get("job") != identify(job):
            msg = (
                "the output exists already, and is no file of this job: "
                f"{shard.output}\n"
                "Hint: choose another folder, or start anew with --overwrite "
                "(overwrite=True)."
            )
            raise OutputExistsError(msg)
        n_bytes = shard.output.stat().st_size
        if entry == {"output": shard.name, **metadata["shard"], "bytes": n_bytes}:
            manifest.complete[shard.name] = entry


def changed(target: Path, changes: list[str]) -> OutputExistsError:
    """Say what changed since an earlier run."""
    most = 5
    shown = changes[:most]
    if len(changes) > most:
        shown.append(f"and {len(changes) - most:,} more")
    msg = (
        f"{target} holds an earlier run, since which changed: {'; '.join(shown)}\n"
        "Hint: start anew with --overwrite (overwrite=True), or choose another folder."
    )
    return OutputExistsError(msg)
