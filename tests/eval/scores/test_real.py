"""ReaL accuracy by the pictures' numbers, and labels that are none refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.scores.real import RealLabels, RealScore, load_real, real_score
from ppim_port.errors import DatasetError
from tests.eval.scores.made import row
from tests.support.shared import SHARED

REAL = SHARED / "labels" / "real.json"
needs_labels = pytest.mark.skipif(not REAL.is_file(), reason=f"no {REAL}")


def labels(first: list[list[int]]) -> RealLabels:
    lists = first + [[7]] * (50_000 - len(first))
    return tuple(map(frozenset, lists))


def name(number: int, folder: str = "") -> str:
    return f"{folder}ILSVRC2012_val_{number:08d}.JPEG"


def test_any_of_a_pictures_labels_is_right_and_the_empty_ones_do_not_count() -> None:
    real = labels([[], [970, 795], [230]])
    made = [
        row(name(1), 65, 65),
        row(name(2), 970, 795),
        row(name(3), 230, 231),
        row(name(50_000), 0, 7),
    ]
    assert real_score(made, real) == RealScore(3, 2, 100 * 2 / 3, 1)


def test_the_first_list_belongs_to_number_one_in_any_folder() -> None:
    real = labels([[1], [2]])
    assert real_score([row(name(1, "n01440764/"), 5, 1)], real).correct == 1
    assert real_score([row(name(2), 5, 2)], real).correct == 1


def test_pictures_without_any_label_have_no_accuracy() -> None:
    assert real_score([row(name(1), 0, 0)], labels([[]])) == RealScore(0, 0, None, 1)


@pytest.mark.parametrize(
    "bad",
    [
        "n01440764_1.JPEG",
        name(0),
        name(50_001),
        name(1) + "/x.JPEG",
        "ILSVRC2012_val_1.JPEG",
    ],
)
def test_a_picture_of_another_set_is_refused_by_name(bad: str) -> None:
    with pytest.raises(DatasetError, match="has no reassessed labels"):
        real_score([row(bad, 0, 0)], labels([]))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([[0]] * 49_999, "got 49,999"),
        ({}, "got no list"),
        ([[0]] * 49_999 + [[1000]], "list 50,000"),
        ([[True]] + [[0]] * 49_999, "list 1 "),
        ([5] + [[0]] * 49_999, "list 1 "),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, value: Any, why: str
) -> None:
    path = tmp_path / "real.json"
    path.write_text(json.dumps(value))
    with pytest.raises(DatasetError, match=why):
        load_real(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.json: the ReaL labels cannot"):
        load_real(tmp_path / "absent.json")


@needs_labels
def test_the_whole_set_counts_46837_pictures() -> None:
    real = load_real(REAL)
    made = [
        row(name(number), 0, min(own, default=0))
        for number, own in enumerate(real, start=1)
    ]
    assert real_score(made, real) == RealScore(46_837, 46_837, 100.0, 3_163)


@needs_labels
def test_original_labels_reach_nine_tenths_of_the_reassessed_ones() -> None:
    # An order shifted by one would reach 0.1 %.
    lines = (SHARED / "labels" / "val.txt").read_text().splitlines()
    made = [row(i, 0, int(label)) for i, label in (line.split() for line in lines)]
    accuracy = real_score(made, load_real(REAL)).accuracy
    assert accuracy == pytest.approx(90.0, abs=3.0)
