"""The same weights and pictures give the same counts, however they come and run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.pipeline import evaluate
from eval.records import Request, Row
from ppim_port.state_dict import FRAMEWORKS, FrameworkName
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST

# Each size and each number of threads once; all pairs are in the slow matrix.
PAIRS = [(1, 8), (7, 1), (16, 2)]
ALL_PAIRS = [(size, workers) for size in (1, 7, 16) for workers in (1, 2, 8)]
# Each format and each framework's once by day; the slow ones are the rest.
FEW_FORMS = ("official.pth", "torch.safetensors", "paddle.pdparams")
FORMS = (
    *("official.pth", "torch.pth", "torch.safetensors"),
    *("paddle.pdparams", "paddle.safetensors"),
)


def rows(
    weights: Path,
    framework: FrameworkName,
    pairs: list[tuple[int, int]],
    val_list: Path = DEMO_LIST,
) -> list[tuple[Row, ...]]:
    request = Request("rednet26", DEMO, val_list, framework=framework, weights=weights)
    return [
        evaluate(replace(request, batch_size=size, workers=workers)).rows
        for size, workers in pairs
    ]


def assert_all_same(found: list[tuple[Row, ...]], count: int = DEMO_COUNT) -> None:
    # Rows hold each logit as a float: equal means the same bits.
    assert len(found[0]) == count
    assert all(other == found[0] for other in found[1:])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_batch_size_and_threads_change_no_bit(
    framework: FrameworkName, demo_weights: Path
) -> None:
    assert_all_same(rows(demo_weights, framework, PAIRS))


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_batch_size_with_any_number_of_threads_changes_a_bit(
    framework: FrameworkName, demo_weights: Path
) -> None:
    assert_all_same(rows(demo_weights, framework, ALL_PAIRS))


@pytest.mark.parametrize(
    "forms", [FEW_FORMS, pytest.param(FORMS, marks=pytest.mark.slow)], ids=len
)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_form_of_the_weights_gives_the_same_rows(
    framework: FrameworkName,
    forms: tuple[str, ...],
    demo_in_all_forms: dict[str, Path],
    tmp_path: Path,
) -> None:
    assert set(demo_in_all_forms) == set(FORMS)
    short = tmp_path / "short.txt"
    short.write_text("\n".join(DEMO_LIST.read_text().splitlines()[:4]))
    found = [
        rows(demo_in_all_forms[form], framework, [(16, 2)], short)[0] for form in forms
    ]
    assert_all_same(found, 4)
    assert all(row.label == row.top5[0] for row in found[0])
