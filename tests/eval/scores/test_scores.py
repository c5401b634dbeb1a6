"""Every score equals an independent slow computation from the full logits."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from eval.scores import all_scores, columns
from eval.scores.calibration import calibration
from eval.scores.classes import per_class
from eval.scores.risk import COVERAGES, risk_coverage
from ppim_port.errors import DatasetError
from tests.eval.scores.made import Scored, first, probabilities, row, rows, scored

# A label's logit is kept as float32; the sum is float64.
CLOSE = 1e-9


def scores(made: Scored) -> dict[str, Any]:
    return all_scores(rows(made))


@given(scored())
def test_top1_and_top5_are_those_of_a_count(made: Scored) -> None:
    logits, labels = made
    summary = scores(made)["summary"]
    order = np.argsort(-logits, axis=1, kind="stable")
    assert summary["top1_correct"] == (order[:, 0] == labels).sum()
    assert summary["top5_correct"] == (order[:, :5] == labels[:, None]).any(1).sum()
    assert summary["top1"] == 100 * summary["top1_correct"] / len(labels)


@given(scored())
def test_nll_is_scipys(made: Scored) -> None:
    logits, labels = made
    exact = log_softmax(logits.astype(np.float64), axis=1)
    expected = -exact[np.arange(len(labels)), labels].mean()
    assert scores(made)["likelihood"]["nll"] == pytest.approx(expected, abs=CLOSE)


@given(scored(most=40))
def test_reliability_table_is_that_of_a_loop_over_bins(made: Scored) -> None:
    logits, labels = made
    confidence = probabilities(logits).max(axis=1)
    right = first(logits) == labels
    ece = 0.0
    found = calibration(columns(rows(made)))
    for index, each in enumerate(found.bins):
        inside = (confidence > index / 15 + CLOSE) & (confidence <= (index + 1) / 15)
        edge = (np.abs(confidence * 15 - np.round(confidence * 15)) < CLOSE).any()
        if edge:
            return  # decided by the last bit; the test of edges has its own numbers
        assert (each.n, each.correct) == (inside.sum(), right[inside].sum())
        if inside.any():
            ece += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
            assert each.confidence == pytest.approx(confidence[inside].mean())
        else:
            assert each.accuracy is None
            assert each.confidence is None
    assert found.ece == pytest.approx(ece, abs=CLOSE)
    assert found.mean_confidence == pytest.approx(confidence.mean())


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin() -> None:
    # 1, 1/2 and 1/4 are exact: 1/2 is inside bin 8, 1 is the upper edge of the last.
    table = columns([row("a", 0, 0, 1.0), row("b", 0, 1, 0.5)])
    assert [each.n for each in calibration(table, bins=2).bins] == [1, 1]
    assert [each.n for each in calibration(table, bins=1).bins] == [2]


def test_the_largest_gap_ignores_empty_bins() -> None:
    table = columns([row("a", 0, 0, 0.9), row("b", 1, 0, 0.3)])
    found = calibration(table)
    assert found.mce == pytest.approx(0.3)
    assert found.ece == pytest.approx((0.1 + 0.3) / 2)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_risk_is_the_mean_over_all_orders_of_ties(answers: list[Any]) -> None:
    made = [
        row(str(index), 0 if right else 1, 0, (1 + sure) / 4)
        for index, (sure, right) in enumerate(answers)
    ]
    n = len(made)
    areas, curves = [], []
    for order in permutations(answers):
        if [a[0] for a in order] == sorted((a[0] for a in answers), reverse=True):
            wrong = np.cumsum([not right for _, right in order])
            curves.append(wrong / np.arange(1, n + 1))
            areas.append(curves[-1].mean())
    found = risk_coverage(columns(made))
    assert found.aurc == pytest.approx(np.mean(areas))
    curve = np.mean(curves, axis=0)
    for coverage, point in zip(COVERAGES, found.points, strict=True):
        place = next(k for k in range(1, n + 1) if k >= coverage * n - 1e-9)
        assert point.coverage == place / n
        assert point.risk == pytest.approx(curve[place - 1])


@given(scored(most=40))
def test_no_order_of_the_same_accuracy_has_a_smaller_area(made: Scored) -> None:
    found = risk_coverage(columns(rows(made)))
    right = np.sort(first(made[0]) != made[1])
    n = len(right)
    best = (np.cumsum(right) / np.arange(1, n + 1)).mean()
    assert found.aurc_best == pytest.approx(best)
    assert found.aurc >= found.aurc_best - CLOSE
    assert found.points[-1].risk == pytest.approx(right.mean())


@given(scored(most=30))
def test_classes_are_those_of_a_counter(made: Scored) -> None:
    labels, answers = made[1].tolist(), first(made[0]).tolist()
    pairs = list(zip(labels, answers, strict=True))
    for each in per_class(columns(rows(made))):
        own = [answer for label, answer in pairs if label == each.index]
        wrong = Counter(answer for answer in own if answer != each.index)
        assert (each.n, each.correct) == (len(own), own.count(each.index))
        assert each.accuracy == 100 * own.count(each.index) / len(own)
        assert each.predicted == answers.count(each.index)
        if wrong:
            worst = min(wrong, key=lambda index: (-wrong[index], index))
            assert (each.confused_with, each.confused) == (worst, wrong[worst])
        else:
            assert (each.confused_with, each.confused) == (None, 0)
    found = [each.index for each in per_class(columns(rows(made)))]
    assert found == sorted(set(labels))


@given(scored(most=20), st.randoms())
def test_no_score_depends_on_the_order_of_the_rows(made: Scored, random: Any) -> None:
    kept = rows(made)
    shuffled = list(kept)
    random.shuffle(shuffled)
    one, other = all_scores(kept), all_scores(shuffled)
    for name in ("summary", "classes", "superclasses"):
        assert one[name] == other[name]
    for group, name in (
        ("likelihood", "nll"),
        ("calibration", "ece"),
        ("risk_coverage", "aurc"),
    ):
        assert one[group][name] == pytest.approx(other[group][name], abs=CLOSE)


def test_one_picture_is_scored() -> None:
    found = all_scores([row("a", 3, 3, 0.75)])
    assert found["summary"]["top1"] == 100.0
    assert found["calibration"]["ece"] == pytest.approx(0.25)
    assert found["risk_coverage"]["aurc"] == 0.0
    assert found["likelihood"]["nll"] == pytest.approx(-np.log(0.75))
    assert found["superclasses"]["names"] == ["fish"]


def test_a_certain_right_net_has_an_nll_of_plain_zero() -> None:
    assert str(all_scores([row("a", 3, 3, 1.0)])["likelihood"]["nll"]) == "0.0"


def test_no_picture_is_refused() -> None:
    with pytest.raises(DatasetError, match="holds no picture"):
        all_scores([])
