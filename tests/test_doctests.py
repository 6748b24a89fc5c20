"""The examples in the docstrings of the installed package."""

import doctest
import importlib
import inspect
import pkgutil
import pydoc
import re

import pytest

import fastpack

MODULES = [
    module.name
    for module in pkgutil.walk_packages(fastpack.__path__, "fastpack.")
    if module.name != "fastpack.__main__"
]


@pytest.mark.parametrize("name", ["fastpack", *MODULES])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", fastpack.__all__)
def test_public_names_are_documented(name):
    thing = getattr(fastpack, name)
    assert thing.__doc__
    if not issubclass(type(thing), type) or not issubclass(thing, Exception):
        assert ">>> " in thing.__doc__


def test_public_names():
    assert set(fastpack.__all__) <= set(dir(fastpack))
    with pytest.raises(AttributeError, match="no attribute 'pakc'"):
        fastpack.pakc  # noqa: B018


def test_the_help_of_the_package_begins_with_its_functions():
    functions = [
        name for name in fastpack.__all__ if inspect.isfunction(getattr(fastpack, name))
    ]
    assert fastpack.__all__[: len(functions)] == functions
    screen = pydoc.plain(pydoc.render_doc(fastpack)).splitlines()[:24]
    shown = re.findall(r"`(\w+)` +\w", "\n".join(screen))
    assert shown[: len(functions)] == functions


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert examples > 10
