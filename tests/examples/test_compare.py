"""Runs are compared by their own last and best rows; programs fail with one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest

from examples.common import compare
from examples.common.run_folder import Row
from examples.resnet_nam_cifar100 import train_torch
from ppim_port.program import run as report_errors
from tests.examples.made import CIFAR, needs_cifar


def history(folder: Path, top1: list[float]) -> Path:
    folder.mkdir()
    rows = [
        Row(at, 0.1, 3 - at / 4, 20.0, 3 - at / 8, value, 80.0, 1.0)
        for at, value in enumerate(top1, 1)
    ]
    lines = [json.dumps(asdict(row)) for row in rows]
    (folder / "history.jsonl").write_text("\n".join(lines))
    return folder


def test_a_row_a_run_with_its_last_and_its_best_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [history(tmp_path / "a", [10, 42.5, 40]), history(tmp_path / "b", [12.25])]
    picture = tmp_path / "curves.png"
    assert compare.main([*map(str, runs), "--out", str(picture)]) == 0
    _, _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [
        *(str(runs[0]), "3", "2.250", "2.625", "40.00", "%", "80.00", "%"),
        *("42.50", "%", "(epoch", "2)"),
    ]
    assert "12.25 %" in second
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    # Both runs' colours, matplotlib's first two, are on it.
    for bgr in ((180, 119, 31), (14, 127, 255)):
        assert (drawn == bgr).all(axis=2).any()


def test_a_folder_without_a_run_is_one_line_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = report_errors("compare", lambda: compare.main([str(tmp_path)]))
    assert code == 3
    assert "no readable history" in capsys.readouterr().err


@needs_cifar
def test_a_net_of_another_family_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(CIFAR), "--run", str(tmp_path / "run"), "--smoke"]
    code = report_errors(
        "train_torch", lambda: train_torch.main([*given, "--model", "rednet26"])
    )
    assert code == 2
    assert "Unknown ResNet with or without NAM 'rednet26'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
