"""Targets: the outputs in the folder that is written, new ones and earlier ones."""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from fastpack.errors import OptionError, OptionTypeError, OutputExistsError
from fastpack.files.formats.parquet_footer import is_cut_off
from fastpack.files.formats.registry import suffix_of
from fastpack.files.manifest import (
    Manifest,
    describe_changes,
    fingerprints_of,
    job_id_of,
)
from fastpack.files.other_files import refuse_outputs_among
from fastpack.files.reading import Selection
from fastpack.files.shard import Shard
from fastpack.files.sources import check_name
from fastpack.outputs import OVERWRITE, read_metadata
from fastpack.storage.access import real_paths, size_of
from fastpack.storage.location import RUN_FOLDER, Location, StrPath, Url, locate
from fastpack.storage.objects import (
    ObjectVersion,
    check_writable,
    list_objects,
    version_of,
)

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
    def output(self) -> Location:
        """The file."""


_RENAME_HINT = "Hint: rename one of them, or pack them into different folders."


def check_target(
    target: StrPath | Location, storage_options: Mapping[str, Any] | None = None
) -> Location:
    """Return the location of a target; refuse names that are no folder's."""
    if not isinstance(target, (str, os.PathLike, Url)):
        msg = f"`target` must be a folder, got {target!r}\nHint: such as assignment/."
        raise OptionTypeError(msg)
    if not isinstance(target, Url) and not os.fspath(target):
        msg = "`target` must be a folder, got ''\nHint: such as assignment/."
        raise OptionError(msg)
    located = locate(target, storage_options)
    if isinstance(located, Url):
        check_writable(located)
        if version_of(located) is not None:
            msg = f"`target` is an object, no folder: {located}\nHint: name a folder."
            raise OptionError(msg)
        return located
    path = _absolute(located)
    check_name(path)
    return path


def _absolute(path: Path) -> Path:
    """Return an absolute path without ".."; links stay, as they give their names."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _relative_names(paths: Sequence[Location]) -> list[Path]:
    """Return the names of sources below the folder that they have in common."""
    parts = [path.parts for path in paths]
    folders = [each[:-1] for each in parts]
    first, last = min(folders), max(folders)  # all others lie in between
    pairs = zip(first, last, strict=False)
    n_common = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return [Path(*each[n_common:]) for each in parts]


def name_shards(
    paths: Sequence[Location], columns: Selection, manifest: Manifest
) -> list[Shard]:
    """Return the shard of each source; refuse outputs that could not be written.

    Outputs are named as their sources, below the folder that these have in common.
    """
    paths = check_sources(paths, manifest.target)
    sources: dict[Path, Location] = {}
    for path, relative in zip(paths, _relative_names(paths), strict=True):
        stem = path.name.removesuffix(suffix_of(path))
        name = relative.with_name(f"{stem}.parquet")
        _check_output_of(path, name, sources.get(name), manifest.target)
        sources[name] = path
    shards = [
        Shard(
            source=path,
            fingerprint=fingerprint,
            output=manifest.target / name.as_posix(),
            counts_file=manifest.counts_folder / f"{number}.parquet",
            name=str(name),
            columns=columns,
        )
        for number, ((name, path), fingerprint) in enumerate(
            zip(sources.items(), fingerprints_of(paths), strict=True)
        )
    ]
    for folder in {shard.output.parent for shard in shards}:
        if isinstance(folder, Path) and not _is_inside(folder, manifest.target):
            msg = (
                f"a link leads out of the target: {folder} is {folder.resolve()}\n"
                "Hint: remove the link, or choose another folder."
            )
            raise OptionError(msg)
    resolved = {str(shard.fingerprint.path) for shard in shards}
    outputs = map(str, real_paths(shard.output for shard in shards))
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


def check_sources(paths: Sequence[Location], target: Location) -> list[Location]:
    """Return the absolute paths of sources; refuse those in the target itself.

    Outputs of another run beside other files are refused, too: sequences have the form
    of documents, and each token would be packed twice.
    """
    paths = [path if isinstance(path, Url) else _absolute(path) for path in paths]
    for folder, path in {path.parent: path for path in paths}.items():
        if _resolve(folder) == _resolve(target):
            msg = (
                f"the outputs would lie beside their sources: {path}\n"
                "Hint: write them to a folder of their own."
            )
            raise OptionError(msg)
    refuse_outputs_among({each.parent for each in paths if isinstance(each, Path)})
    return paths


def _resolve(folder: Location) -> Location:
    return folder.resolve() if isinstance(folder, Path) else folder


def _is_within(path: Location, target: Location) -> bool:
    """Say whether an output lies below a target, with no link on the way."""
    if isinstance(path, Url) or isinstance(target, Url):
        return True  # it has no ".."
    return target in path.parents and _is_inside(path.parent, target)


def _is_inside(folder: Path, target: Location) -> bool:
    """Say whether a folder of outputs is what it is called: no link on the way."""
    return isinstance(target, Path) and (
        folder.resolve() == target.resolve() / folder.relative_to(target)
    )


def _check_output_of(
    path: Location, name: Path, other: Location | None, target: Location
) -> None:
    """Refuse the output `name` of a source; `other` is a source of the same name."""
    if name.parts[0] == RUN_FOLDER:
        msg = f"{path} would go to fastpack's own folder, {RUN_FOLDER}\n{_RENAME_HINT}"
        raise OptionError(msg)
    if other is not None:
        msg = f"two sources have one output, {name}: {other} and {path}\n{_RENAME_HINT}"
        raise OptionError(msg)
    refuse_folder(target / name.as_posix())


def refuse_folder(output: Location) -> None:
    """Refuse a folder in the place of an output."""
    if isinstance(output, Path) and output.is_dir():
        msg = f"an output is a folder: {output}\nHint: rename or remove it."
        raise OutputExistsError(msg)


def files_to_replace(
    manifest: Manifest, outputs: Sequence[Output], new_job: dict[str, Any]
) -> list[Location]:
    """Return the files that must not be mixed with those of a new run.

    They are the manifest of an earlier run, which comes first, its outputs, and the
    present files at the outputs of the new one; those that are there, no others.
    """
    sources = {source["path"] for source in new_job["sources"]}
    state_of = states_below(manifest.target)
    written = (manifest.path, *(output.output for output in outputs))
    files = [path for path in written if state_of(path) is not None]
    job = manifest.job or {}
    job_id = job_id_of(job)
    for name in job.get("outputs", []):
        path = manifest.target / name
        # Only a file of that run still, and in its folder: others may have written the
        # manifest, or links.
        if ".." in path.parts or not _is_within(path, manifest.target):
            continue
        is_source = str(_resolve(path)) in sources
        if not is_source and (read_metadata(path) or {}).get("job") == job_id:
            files.append(path)
    return files


def check_earlier(
    manifest: Manifest, outputs: Sequence[Output], job: dict[str, Any], *, resume: bool
) -> None:
    """Refuse a target that holds another job, or outputs of other origin.

    Entries of the manifest whose outputs are not of the size that was written are
    dropped; `passes.drop_damaged` looks at their bytes.
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
    state_of = states_below(manifest.target)
    for output in outputs:
        entry = entries.get(output.name)
        state = state_of(output.output)
        if state is None:
            continue
        # As it was written; of a file, that is the size alone: ours, if damaged too.
        if entry is not None and state == (entry["bytes"], entry.get("etag")):
            manifest.complete[output.name] = entry
        elif entry is not None and is_cut_off(output.output, entry["bytes"]):
            pass  # ours, damaged
        elif (read_metadata(output.output) or {}).get("job") != job_id:
            msg = (
                "the output exists already, and is no file of this job: "
                f"{output.output}\n"
                "Hint: move it away, choose another folder, or start anew with "
                f"{OVERWRITE}."
            )
            raise OutputExistsError(msg)


def states_below(
    target: Location,
) -> Callable[[Location], tuple[int | None, str | None] | None]:
    """Return a function that gives the size and the tag of an output, if it is there.

    Those of a store are listed, a thousand at a time.
    """
    if isinstance(target, Url):
        listed: dict[Location, ObjectVersion] = dict(list_objects(target))
        return listed.get

    def state_of(output: Location) -> tuple[int | None, str | None] | None:
        return (size_of(output), None) if os.path.lexists(str(output)) else None

    return state_of


def changed_error(target: Location, changes: Sequence[str]) -> OutputExistsError:
    """Return the error that says what changed since an earlier run."""
    shown = list(changes[:_CHANGES_SHOWN])
    if len(changes) > _CHANGES_SHOWN:
        shown.append(f"and {len(changes) - _CHANGES_SHOWN:,} more")
    msg = (
        f"{target} holds an earlier run; since then changed: {'; '.join(shown)}\n"
        f"Hint: start anew with {OVERWRITE}, or choose another folder."
    )
    return OutputExistsError(msg)
