"""`evaluate matrix`: a process a cell, resumable, and non-zero if any cell fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cli import main
from eval.matrix import Cell, Outcome, cells, report
from eval.report import RESULT_NAME
from tests.eval.made import DEMO, DEMO_LIST


def test_all_combinations_model_by_model() -> None:
    found = [cell.name for cell in cells(["a", "b"], ["torch"], ["own", "x/r.json"])]
    assert found == ["a.torch.own", "a.torch.r.json", "b.torch.own", "b.torch.r.json"]


def test_cells_are_kept_and_a_failed_one_fails_the_matrix(
    official_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("\n".join(DEMO_LIST.read_text().splitlines()[:2]))
    argv = [
        *("matrix", "--models", "rednet26,rednet50", "--frameworks", "torch"),
        *("--val-dir", str(DEMO), "--val-list", str(short)),
        *("--run", str(tmp_path / "all"), "--quiet"),
        *("--weights", f"rednet26={official_weights}"),
        *("--weights", f"rednet50={official_weights}"),
    ]
    assert main(argv) == 1
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert first.startswith("rednet26  torch      rednet-official")
    assert first.endswith("PARTIAL")
    assert "ERROR 3" in second
    kept = tmp_path / "all" / "rednet26.torch.own" / RESULT_NAME
    before = kept.stat().st_mtime_ns
    assert main([*argv[:-2], "--models", "rednet26"]) == 0
    assert kept.stat().st_mtime_ns == before


def test_a_model_that_does_not_exist_is_a_failed_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["matrix", "--models", "rednet27", "--frameworks", "torch"]
    assert main([*argv, "--val-dir", str(DEMO), "--run", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "Did you mean rednet" in captured.out
    assert captured.err.startswith("[1/1] rednet27.torch.own")


def test_weights_of_no_model_are_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["matrix", "--models", "rednet26", "--weights", "rednet99=x"]
    assert main([*argv, "--val-dir", str(DEMO), "--run", str(tmp_path)]) == 2
    assert "expected MODEL=FILE" in capsys.readouterr().err


def test_the_table_compares_with_the_published_number() -> None:
    result = {
        "recipe": "rednet-official",
        "n": 50_000,
        "top1": 75.956,
        "top5": 93.19,
        "verdict": "pass",
        "published": [{"top1": 75.96}],
        "comparisons": [{"top1_difference": -0.004}],
    }
    text = report([Outcome(Cell("rednet26", "torch", "own"), 0, result)])
    words = text.splitlines()[2].split()
    assert words == [
        *("rednet26", "torch", "rednet-official", "50,000", "75.956", "93.190"),
        *("75.96", "-0.004", "PASS"),
    ]
