"""Somebody's `torch.py` in the working folder is never taken for the real one."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.eval.made import DEMO
from tests.eval.processes import COMMANDS, started

NAMES = ("torch", "paddle", "cv2", "numpy", "tqdm", "ppim_port", "convert")
PICTURE = "zebra.jpg"


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder with a space in its name, one picture, and files that must not run."""
    folder = tmp_path / "my pictures"
    (folder / "val set").mkdir(parents=True)
    shutil.copy(DEMO / PICTURE, folder / "val set")
    (folder / "val list.txt").write_text(f"{PICTURE} 340\n")
    for name in NAMES:
        fill(folder, name)
    return folder


def fill(folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py of a stranger')")


OPTIONS = (
    *("--model", "rednet26", "--val-dir", "val set", "--val-list", "val list.txt"),
    *("--out", "out file.json", "--json", "--quiet"),
)


def assert_evaluates(name: str, folder: Path, weights: Path, framework: str) -> None:
    options = (*OPTIONS, "--weights", weights, "--framework", framework)
    done = started(COMMANDS[name], *options, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["n"], found["top1_correct"]) == (1, 1)
    assert json.loads((folder / "out file.json").read_text()) == found


@pytest.mark.parametrize(
    ("name", "framework"), [("script", "torch"), ("module -P", "paddle")]
)
def test_evaluate_works_beside_an_eval_py(
    name: str, framework: str, strangers: Path, demo_weights: Path
) -> None:
    fill(strangers, "eval")
    assert_evaluates(name, strangers, demo_weights, framework)


def test_the_module_works_beside_other_files(
    strangers: Path, demo_weights: Path
) -> None:
    for name in ("ppim_port", "convert"):  # Taken before a line of ours runs.
        (strangers / f"{name}.py").unlink()
    assert_evaluates("module", strangers, demo_weights, "torch")


def test_the_other_name_is_the_same_program(tmp_path: Path) -> None:
    done = [
        started(COMMANDS[name], "--help", folder=tmp_path)
        for name in ("script", "long script", "module")
    ]
    assert done[0].stdout.startswith("usage: evaluate")
    assert done[0].stdout == done[1].stdout == done[2].stdout


@pytest.mark.parametrize("name", ["convert", "convert module"])
def test_convert_works_beside_other_files(
    name: str, strangers: Path, demo_weights: Path
) -> None:
    for taken in ("ppim_port", "convert"):  # Taken before a line of ours runs.
        (strangers / f"{taken}.py").unlink()
    options = ("rednet26", "--checkpoint", demo_weights, "--out", "new file.pdparams")
    done = started(COMMANDS[name], *options, "--no-verify", "--quiet", folder=strangers)
    assert (done.returncode, done.stderr) == (0, "")
    assert (strangers / "new file.pdparams").is_file()


def test_a_strangers_file_would_be_noticed(strangers: Path) -> None:
    done = started((sys.executable, "-c", "import torch"), folder=strangers)
    assert done.stderr.strip() == "torch.py of a stranger"
