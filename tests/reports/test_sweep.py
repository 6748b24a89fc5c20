"""Context lengths in equal ratios."""

from hypothesis import given
from hypothesis import strategies as st

from fastpack import PackingOptions
from fastpack.reports.sweep import sweep_of


@given(
    st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4),
    st.sampled_from([1, 2, 16]),
)
def test_the_sweep(lengths, align):
    lengths = [max(align, length - length % align) for length in lengths]
    chosen = [PackingOptions(context_length=each, align=align) for each in lengths]
    swept = [each.context_length for each in sweep_of(chosen)]
    assert swept == sorted(set(swept))
    assert set(lengths) <= set(swept)
    assert all(each % align == 0 for each in swept)
    if len(set(lengths)) > 1:
        assert (swept[0], swept[-1]) == (min(lengths), max(lengths))
        if max(lengths) >= 8 * min(lengths) and min(lengths) >= 16 * align:
            assert len(swept) >= 12


def test_the_sweep_around_one_length():
    swept = [
        each.context_length for each in sweep_of([PackingOptions(context_length=512)])
    ]
    assert (swept[0], swept[-1], len(swept)) == (128, 2048, 13)
    rules = PackingOptions(context_length=16, extra_tokens=2, min_chunk=9, align=4)
    assert sweep_of([rules])[0].context_length == 12
    rules = PackingOptions(context_length=512, long_documents="error")
    assert sweep_of([rules])[0].context_length == 512
    assert sweep_of([PackingOptions(context_length=1)])[0].context_length == 1
