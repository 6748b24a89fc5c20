"""The examples in the docstrings of the installed package."""

import doctest
import importlib
import pkgutil

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


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert examples > 10
