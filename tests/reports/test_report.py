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


def test_context_lengths_are_checked():
    with pytest.raises(OptionError, match="context_length"):
        report_of([1, 2], [0])
