"""Counts are whole numbers and right; percentages are divided once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eval.metrics import score
from eval.records import Score
from ppim_port.state_dict import Array
from tests.eval.made import rows_of

CLASSES = 9


@given(
    hnp.arrays(np.float32, (7, CLASSES), elements=st.integers(-3, 3)),
    st.lists(st.integers(0, CLASSES - 1), min_size=7, max_size=7),
)
def test_counts_are_those_of_a_slow_count(logits: Array, labels: list[int]) -> None:
    # The place of the label: how many classes come before it, lower ones on a tie.
    own = logits[np.arange(7), labels][:, None]
    before = np.arange(CLASSES) < np.array(labels)[:, None]
    place = ((logits > own) | ((logits == own) & before)).sum(axis=1)
    counts = score(rows_of(logits, labels))
    assert counts == Score(7, int((place < 1).sum()), int((place < 5).sum()))
    assert all(type(n) is int for n in (counts.top1_correct, counts.top5_correct))


def test_the_label_may_come_last_of_five_but_not_sixth() -> None:
    logits = np.arange(10, 0, -1, dtype=np.float32)[None].repeat(6, axis=0)
    assert score(rows_of(logits, range(6))) == Score(6, 1, 5)


def test_no_row_is_no_picture() -> None:
    assert score([]) == Score(0, 0, 0)


@given(
    st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_percentages_are_the_nearest_float_to_the_true_one(
    counts: tuple[int, int],
) -> None:
    correct, n = counts
    result = Score(n, correct, correct)
    assert result.top1 == result.top5 == float(Fraction(100 * correct, n))


def test_rednet26s_published_counts_are_its_percentages() -> None:
    whole = Score(50_000, 37_978, 46_595)
    assert (whole.top1, whole.top5) == (75.956, 93.19)
