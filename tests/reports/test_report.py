"""The report: which context lengths it sweeps, and what it says."""

import pytest

from corpora import report_of
from fastpack import OptionError


def test_what_is_left_out_is_said():
    report = report_of([3000, 20, 10, 0], [64], long_documents="drop")
    text = " ".join(report.sentences + report.sections[0].sentences)
    assert "1 document is empty" in text
    assert "leaves out 1 document whole, 3,000 tokens (99 % of all)" in text
    assert "long_documents = drop" in text


ANSWERS = {
    "two context lengths": (
        ([8, 6, 6, 4, 3], [8, 16], {}),
        (
            "Concatenation into sequences of 8 tokens cuts 1 document (20 % of all), "
            "1 of them no longer than a sequence. Best-fit packing cuts none and "
            "makes 4 sequences, as many as concatenation. With sequences of 16 "
            "tokens, concatenation would cut 1 document (20 % of all), best-fit "
            "packing none, in 2 sequences, as many as concatenation."
        ),
    ),
    "one, tokens left out": (
        ([5, 5, 5, 20], [8], {"min_chunk": 5}),
        (
            "Concatenation into sequences of 8 tokens cuts 2 documents (50 % of all), "
            "1 of them no longer than a sequence. Best-fit packing cuts 1, all longer "
            "than a sequence, and makes 5 sequences, as many as concatenation; it "
            "leaves out 4 tokens. With sequences of 32 tokens, concatenation would "
            "cut 1 document (25 % of all), best-fit packing none, in 2 sequences, as "
            "many as concatenation."
        ),
    ),
    "nothing packed": (
        ([9, 9], [8], {"long_documents": "drop"}),
        (
            "Concatenation into sequences of 8 tokens cuts 2 documents (100 % of "
            "all), 0 of them no longer than a sequence. Best-fit packing, by its "
            "rules, leaves nothing to pack."
        ),
    ),
    "nothing to cut": (
        ([4, 4], [8], {"long_documents": "error"}),
        (
            "Concatenation into sequences of 8 tokens cuts no document. Best-fit "
            "packing cuts none and makes 1 sequence, as many as concatenation. With "
            "sequences of 32 tokens, concatenation would cut none, best-fit packing "
            "none, in 1 sequence, as many as concatenation."
        ),
    ),
    "no tokens": (([0], [8], {}), ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_answer(case):
    (lengths, context_lengths, rules), expected = ANSWERS[case]
    report = report_of(lengths, context_lengths, **rules)
    assert " ".join(report.answer) == expected
    assert len(report.answer) <= 3


def test_context_lengths_are_checked():
    with pytest.raises(OptionError, match="context_length"):
        report_of([1, 2], [0])
