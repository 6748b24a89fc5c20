"""Sources in object stores: folders and globs -> objects, in the order of reading.

The rules are those of folders of this machine: see `sources.find_sources`.
"""

import fnmatch
import glob
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from fastpack.errors import OptionError
from fastpack.files.formats.registry import is_source
from fastpack.storage.location import HIDDEN_IN_FOLDERS, Location, Url
from fastpack.storage.objects import list_objects, version_of


def find_objects(
    source: Url, output: Location | None, source_format: str | None = None
) -> list[Url]:
    """Return the objects of one source that are not of the output, in any order."""
    if not glob.has_magic(source.path):
        if version_of(source) is not None:
            return [source]
        below = (
            url
            for url in _objects_below(source)
            if is_source(url, source_format) and not _is_hidden(url, source)
        )
        return _outside(below, source, output)
    if glob.has_magic(source.root.path):
        msg = f"a glob in the name of a bucket: {source}\nHint: name the bucket."
        raise OptionError(msg)
    folder = source.parent
    while glob.has_magic(folder.path):
        folder = folder.parent
    found = []
    for url in _outside(_objects_below(folder), folder, output):
        if _matches(source.parts, url.parts):
            found.append(url)
        elif is_source(url, source_format):
            _refuse_folder(source, url, folder)
    return found


def _objects_below(folder: Url) -> Iterator[Url]:
    """Give the objects below a folder, except those that stand for a folder.

    Consoles make them, empty and with a slash at their end, which obstore leaves out.
    """
    for url, version in list_objects(folder):
        if version.size or url.suffix:
            yield url


def _refuse_folder(source: Url, url: Url, folder: Url) -> None:
    """Refuse an object in a folder that a glob matches: it would be left out."""
    above = url.parent
    while above != folder:
        if above.name.startswith(HIDDEN_IN_FOLDERS):
            return
        if _matches(source.parts, above.parts):
            msg = (
                f"{source} matches a folder of sources, not the files in it: {above}\n"
                "Hint: name folders, or write a glob that matches files: "
                f"{source}/*{url.suffix}, or **/*{url.suffix}."
            )
            raise OptionError(msg)
        above = above.parent


def _outside(found: Iterable[Url], source: Url, output: Location | None) -> list[Url]:
    """Leave out the output, unless the source lies in it: it is meant to be read."""
    if not isinstance(output, Url) or _is_within(source, output):
        return list(found)
    return [url for url in found if not _is_within(url, output)]


def _is_within(url: Url, folder: Url) -> bool:
    return f"{url}/".startswith(f"{folder}/")


def _is_hidden(url: Url, folder: Url) -> bool:
    """Say whether an object, or a folder in between, has a name that is passed over."""
    below = url.path.removeprefix(f"{folder.path}/").split("/")
    return any(part.startswith(HIDDEN_IN_FOLDERS) for part in below)


def _matches(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Say whether the parts of a key match those of a glob."""
    if not pattern or not names:
        return not pattern and not names
    first, *rest = pattern
    if first == "**":  # any number of folders, none of them hidden
        visible = list(takewhile(lambda name: not name.startswith("."), names))
        if not rest:
            return len(visible) == len(names)
        return any(_matches(rest, names[n:]) for n in range(len(visible) + 1))
    if not glob.has_magic(first):
        is_match = first == names[0]
    else:
        is_hidden = names[0].startswith(".") and not first.startswith(".")
        is_match = not is_hidden and fnmatch.fnmatchcase(names[0], first)
    return is_match and _matches(rest, names[1:])
