"""What cannot be packed: an error that names the column, the row and what helps."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, DataTypeError, OptionError, OptionTypeError

FRAME = pl.DataFrame({"input_ids": [[1, 2], [3]], "labels": [[1, 2], [3]]})


def lists(values, inner=pl.Int64):
    return pl.DataFrame({"input_ids": pl.Series(values, dtype=pl.List(inner))})


BAD_TOKENS = [
    (lists([[1], None, None]), DataError, "null lists: 2, the first in row 1"),
    (lists([[1], [], [2, None]]), DataError, "null values, the first in row 2"),
    (
        pl.concat([lists([[1]]), lists([[2], [None]])], rechunk=False),
        DataError,
        "null values, the first in row 2",
    ),
    (lists([[1.5]], pl.Float64), DataTypeError, "lists of integers, got List.Float64"),
    (lists([["a"]], pl.String), DataTypeError, "lists of integers, got List.String"),
    (lists([[True]], pl.Boolean), DataTypeError, "lists of integers, got List.Bool"),
    (lists([[1]], pl.Int128), DataTypeError, "lists of integers, got List.Int128"),
    (lists([[[1]]], pl.List(pl.Int64)), DataTypeError, "lists of integers, got List"),
    (pl.DataFrame({"input_ids": ["a"]}), DataTypeError, "lists of integers, got Str"),
    (pl.DataFrame({"input_ids": [1]}), DataTypeError, "lists of integers, got Int64"),
    (
        pl.DataFrame(
            {"input_ids": pl.Series([[[1]]], dtype=pl.Array(pl.Int8, (1, 1)))}
        ),
        DataTypeError,
        "lists of integers, got Array",
    ),
    (
        pl.DataFrame({"input_ids": pl.Series([[1, None]], dtype=pl.Array(pl.Int8, 2))}),
        DataError,
        "null values, the first in row 0",
    ),
    (pl.DataFrame({"tokens": [[1]]}), DataError, "absent: 'input_ids'"),
]


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize(("frame", "error", "message"), BAD_TOKENS)
def test_bad_tokens(frame, error, message, lazily):
    data = frame.lazy() if lazily else frame
    with pytest.raises(error, match=message) as caught:
        fastpack.pack_tokens(data, context_length=8).lazy().collect()
    assert "\nHint: " in str(caught.value)


@pytest.mark.parametrize("lazily", [False, True])
def test_columns_that_are_not_in_lockstep(lazily):
    frame = FRAME.with_columns(labels=pl.Series([[1, 2], [3, 4]]))
    data = frame.lazy() if lazily else frame
    message = "`labels` has 2 values for the 1 tokens of `input_ids` in row 1"
    with pytest.raises(DataError, match=message):
        fastpack.pack_tokens(data, context_length=8, columns="labels").lazy().collect()


NARROW = FRAME.cast(pl.List(pl.UInt16)).with_columns(
    pl.Series("object", [object(), object()], dtype=pl.Object),
    pl.col("labels").cast(pl.List(pl.UInt8)).alias("\0"),
    weights=pl.col("labels").cast(pl.List(pl.Float32)),
)

BAD_OPTIONS = [
    ({"tokens": None}, OptionTypeError, "`tokens` must be a column's name"),
    ({"columns": 3}, OptionTypeError, "`columns` must be columns' names"),
    ({"columns": ["labels", 3]}, OptionTypeError, "`columns` must be columns' names"),
    ({"columns": {"labels": "x"}}, OptionTypeError, "numbers to pad with, got 'x'"),
    ({"columns": "label"}, DataError, "`columns` names a column that is absent"),
    ({"columns": "input_ids"}, OptionError, "would have 2 columns 'input_ids'"),
    ({"keep": 3}, OptionTypeError, "`keep` must be"),
    ({"keep": "id"}, DataError, "`keep` names a column that is absent"),
    ({"keep": "labels", "columns": "labels"}, OptionError, "2 columns 'labels'"),
    ({"keep": pl.col("labels").first()}, DataError, "one value a document"),
    ({"by": "labels"}, DataTypeError, "cannot tell groups apart"),
    ({"boundaries": 3}, OptionTypeError, "`boundaries` must be names, got 3"),
    ({"boundaries": "seqlens"}, OptionError, "unknown name: 'seqlens'"),
    ({"boundaries": ["cu_seqlens"] * 2}, OptionError, "2 columns 'cu_seqlens'"),
    ({"pad_id": "0"}, OptionTypeError, "`pad_id` must be an integer, got '0'"),
    ({"pad_id": True}, OptionTypeError, "`pad_id` must be an integer, got True"),
    ({"bos_id": 1.0}, OptionTypeError, "`bos_id` must be an integer, got 1.0"),
    ({"pad_id": -1}, OptionError, "`pad_id` -1 does not fit `input_ids`"),
    ({"eos_id": 65536}, OptionError, "`eos_id` 65536 does not fit `input_ids`"),
    (
        {"columns": "labels", "pad_id": 0},
        OptionError,
        "the pad value -100 does not fit `labels`, which holds UInt16: 0 ... 65,535",
    ),
    ({"columns": {"labels": 0.5}, "pad_id": 0}, OptionError, "0.5 does not fit"),
    ({"columns": {"labels": np.nan}, "pad_id": 0}, OptionError, "nan does not fit"),
    ({"keep": "object"}, DataTypeError, "'object' holds Python objects"),
    ({"columns": "\0"}, OptionError, r"begins with a null character: '\\x00'"),
    (
        {"columns": {"weights": 1e39}, "pad_id": 0},
        OptionError,
        "the pad value 1e\\+39 does not fit `weights`, which holds Float32",
    ),
    ({"extra_tokens": 1}, OptionError, "`extra_tokens` is 1, but .* are 0"),
    (
        {"extra_tokens": 2, "eos_id": 1},
        OptionError,
        "`extra_tokens` is 2, but .* are 1",
    ),
    (
        {"extra_tokens": 0, "eos_id": 1},
        OptionError,
        "`extra_tokens` is 0, but .* are 1",
    ),
    ({"align": 2}, OptionError, "`align` is 2, which leaves gaps"),
    ({"context_length": 0}, OptionError, "`context_length` must be at least 1"),
    ({"bos_id": 1, "eos_id": 2, "context_length": 2}, OptionError, "`extra_tokens`"),
    ({"long_documents": "error", "context_length": 1}, DataError, "longer than"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_OPTIONS)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message) as caught:
        fastpack.pack_tokens(NARROW, **{"context_length": 8, **options})
    assert "\nHint: " in str(caught.value)


def test_bad_data():
    with pytest.raises(DataTypeError, match="`data` cannot be read as a table"):
        fastpack.pack_tokens({"input_ids": [[1]]}, context_length=8)


def test_pad_values_that_are_not_needed_may_not_fit():
    sequences = fastpack.pack_tokens(NARROW, context_length=8, columns="labels")
    assert sequences.schema["labels"] == pl.List(pl.UInt16)


def test_an_assignment_of_other_tokens():
    from fastpack.tokens.columns import ListColumn
    from fastpack.tokens.layout import Layout
    from fastpack.tokens.moving import move_values

    options = fastpack.PackingOptions(context_length=8)
    column = ListColumn(FRAME["input_ids"], 0)
    for lengths in ([3, 1], [2, 2], [2, 1, 1]):
        table = fastpack.pack(lengths, context_length=8)
        starts = np.cumsum([0, *lengths])
        layout = Layout(table, 1, starts, options, is_padded=False)
        with pytest.raises(DataError, match="does not match the tokens"):
            move_values(column, layout, 0)


@pytest.mark.parametrize("name", ["", "*", "^i.*$"])
def test_names_that_polars_takes_for_something_else(name):
    frame = FRAME.rename({"labels": name}).with_columns(ids=FRAME["labels"])
    for options in ({"tokens": name}, {"columns": name}):
        sequences = fastpack.pack_tokens(frame, context_length=8, **options)
        assert sequences[name].to_list() == [[1, 2, 3]]


def test_hints_for_lists_and_dtypes():
    table = pl.DataFrame({"a": [[1.5]], "b": ["text"], "c": [[1]], "d": [[None]]})
    table = table.cast({"d": pl.List(pl.Int64)})
    options = {"context_length": 8}
    for data, hint in (
        ([[1, 2], [3]], r"pl.DataFrame\(\{'input_ids': data\}\)"),
        ({"input_ids": [[1]]}, r"pl.DataFrame\(data\)"),
        (None, "a table has a column of token lists"),
    ):
        with pytest.raises(DataTypeError, match=hint):
            fastpack.pack_tokens(data, **options)
        with pytest.raises(DataTypeError, match=hint):
            fastpack.verify_tokens(data, table, "c", **options)
    for name in ("a", "b"):
        with pytest.raises(DataTypeError, match="name the column of token ids"):
            fastpack.pack_tokens(table, name, **options)
    with pytest.raises(DataTypeError, match="a text, goes to `keep`"):
        fastpack.pack_tokens(table, "c", columns="b", **options)
    with pytest.raises(DataError, match=r"fill them, in labels with -100: .*fill_null"):
        fastpack.pack_tokens(table, "c", columns="d", **options)
