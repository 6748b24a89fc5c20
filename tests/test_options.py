"""The rules, validated once."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import (
    OptionError,
    OptionTypeError,
    PackingOptions,
)


@pytest.mark.parametrize("value", [1, 2, 2047, 2**31 - 1, np.int32(8), np.uint64(8)])
def test_context_lengths(value):
    options = PackingOptions(context_length=value)
    assert options.context_length == value
    assert type(options.context_length) is int


@pytest.mark.parametrize("value", [0, -1, 2**31, 2**70, np.int64(-5)])
def test_context_length_out_of_range(value):
    with pytest.raises(OptionError, match="`context_length` must be at") as caught:
        PackingOptions(context_length=value)
    assert str(value) in str(caught.value)
    assert "Hint:" in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "value",
    [2048.0, True, np.bool_(True), "2048", None, np.float64(8), [8], np.array([8, 9])],
)
def test_context_length_of_wrong_type(value):
    with pytest.raises(OptionTypeError, match="`context_length` must be an integer"):
        PackingOptions(context_length=value)


def test_long_documents():
    with pytest.raises(
        OptionError, match="'cut'\nHint: choose one of 'split', 'truncate'"
    ):
        PackingOptions(context_length=8, long_documents="cut")
    with pytest.raises(OptionError, match="Hint: did you mean 'best_fit'"):
        PackingOptions(context_length=8, strategy="best-fit")
    with pytest.raises(OptionTypeError, match="`long_documents` must be a string"):
        PackingOptions(context_length=8, long_documents=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"max_documents": 0},
            "`max_documents` must be at least 1, got 0\nHint: a bin",
        ),
        (
            {"extra_tokens": 8},
            "`extra_tokens` must be at most 7, got 8\nHint: `context",
        ),
        ({"extra_tokens": -1}, "`extra_tokens` must be at least 0, got -1"),
        (
            {"align": 16},
            "`align` must be at most 8, got 16\nHint: `context_length` is 8",
        ),
        ({"align": 3}, "`align` must divide `context_length`, got 3 and 8\nHint: such"),
        ({"min_chunk": 9}, "`min_chunk` must be at most 8, got 9\nHint: a chunk has"),
        ({"extra_tokens": 2, "min_chunk": 7}, "`min_chunk` must be at most 6, got 7"),
        ({"bins_multiple": 0}, "`bins_multiple` must be at least 1, got 0"),
        ({"shuffle_seed": -1}, "`shuffle_seed` must be at least 0, got -1"),
        ({"shuffle_seed": 2**64}, r"`shuffle_seed` must be at most 2\*\*64 - 1"),
        ({"by": []}, "`by` must name columns, each once"),
        ({"by": ["a", "a"]}, "`by` must name columns, each once"),
    ],
)
def test_options_that_cannot_be_right(options, message):
    for data in (pl.DataFrame({"n_tokens": [1], "a": [1]}), pl.LazyFrame({"a": [1]})):
        with pytest.raises(fastpack.OptionError, match=message):
            fastpack.pack(data, context_length=8, **options)


@pytest.mark.parametrize("value", [1.5, True, "2"])
def test_options_of_the_wrong_type(value):
    for name in ("max_documents", "extra_tokens", "align", "shuffle_seed"):
        with pytest.raises(fastpack.OptionTypeError, match=f"`{name}` must be an int"):
            fastpack.PackingOptions(context_length=8, **{name: value})
    with pytest.raises(fastpack.OptionTypeError, match="`by` must be columns' names"):
        fastpack.PackingOptions(context_length=8, by=[1])
    with pytest.raises(TypeError, match="max_document"):
        fastpack.pack(np.array([1]), context_length=8, max_document=3)


def test_names_that_are_no_parameter():
    lengths = [5, 3]
    for call, message in (
        (
            lambda: fastpack.pack(lengths, context_length=8, max_docs=3),
            "`max_docs` is no parameter of pack\nHint: did you mean `max_documents`",
        ),
        (
            lambda: fastpack.pack(lengths, options=3),  # not that context_length lacks
            "`options` is no parameter of pack\nHint: its parameters are data, length",
        ),
        (
            lambda: fastpack.pack_files("a", "b", context_length=8, n_workers=2),
            "no parameter of pack_files\nHint: did you mean `workers`",
        ),
        (
            lambda: fastpack.PackedSequences(1, 2, context_lenght=3),
            "no parameter of PackedSequences\nHint: did you mean `context_length`",
        ),
        (lambda: fastpack.compare(lengths, max_document=1), "no parameter of compare"),
        (lambda: fastpack.plan(lengths, contextlength=1), "no parameter of plan"),
        (lambda: fastpack.cuts(lengths, a=1), "no parameter of cuts"),
        (lambda: fastpack.verify(1, a=1), "no parameter of verify"),
        (lambda: fastpack.verify_tokens(1, 2, a=1), "no parameter of verify_tokens"),
        (lambda: fastpack.pack_tokens(1, a=1), "no parameter of pack_tokens"),
        (lambda: fastpack.pack_token_files(1, 2, a=1), "of pack_token_files"),
    ):
        with pytest.raises(OptionTypeError, match=message):
            call()
    with pytest.raises(TypeError, match="context_length"):
        fastpack.pack(lengths)


def test_what_is_named_twice():
    frame = pl.DataFrame({"n_tokens": [5, 3], "id": [1, 2], "input_ids": [[1], [2]]})
    with pytest.raises(OptionError, match="`keep` names a column twice: 'id'\nHint"):
        fastpack.pack(frame, keep=["id", "id"], context_length=8)
    with pytest.raises(OptionError, match="`columns` must name columns, each once"):
        fastpack.pack_tokens(frame, columns=["a", "a"], context_length=8)
    with pytest.raises(OptionError, match="`context_length` names a length twice"):
        fastpack.compare(frame, context_length=[8, np.int64(8)])
    for strategies in ([], ["truncate", "truncate"]):
        with pytest.raises(OptionError, match="`strategies` must be names, each once"):
            fastpack.compare(frame, strategies=strategies)


def test_messages_show_no_frames(tmp_path):
    frame = pl.DataFrame({"n_tokens": [5, 3]})
    for call in (
        lambda: fastpack.pack(frame, frame["n_tokens"], context_length=8),
        lambda: fastpack.pack(frame, keep=frame, context_length=8),
        lambda: fastpack.pack(frame, context_length=frame),
        lambda: fastpack.quality(frame),
        lambda: fastpack.pack_files(frame, tmp_path, context_length=8),
        lambda: fastpack.pack_tokens(frame, frame, context_length=8),
    ):
        with pytest.raises(TypeError, match=r"got a polars\..*(Frame|Series)"):
            call()


@pytest.mark.parametrize(
    ("context_length", "align", "hint"),
    [
        (8, 3, "such as `align` 2 or 4, or `context_length` 6 or 9"),
        (7, 3, "such as `align` 1 or 7, or `context_length` 6 or 9"),
        (2**31 - 1, 2**30, "such as `align` 1 or 2147483647, or"),
    ],
)
def test_the_nearest_alignments(context_length, align, hint):
    with pytest.raises(OptionError, match=f"Hint: {hint}"):
        PackingOptions(context_length=context_length, align=align)
