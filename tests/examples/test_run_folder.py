"""A run's folder is of one run, whole after every kill, with the history to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from examples.common.run_folder import Row, Run, open_run, read_history
from examples.resnet_nam_cifar100.recipes import normalisation
from ppim_port.checkpoint import read
from ppim_port.errors import DatasetError, UsageError
from ppim_port.manifest import load_manifest
from ppim_port.recipe import open_recipe
from ppim_port.state_dict import StateDict

RECIPE = normalisation("article")
SETTINGS = {"lr": 0.1, "epochs": 3, "milestones": (1, 2)}


def state(value: float) -> StateDict:
    return {"fc.weight": np.full((2, 3), value, np.float32)}


def row(epoch: int) -> Row:
    return Row(epoch, 0.1, 2.0 / epoch, 10.0, 2.5, 11.0, 50.0, 1.0)


def commit(run: Run, epoch: int) -> None:
    run.commit(
        state(epoch), {"fc.weight/momentum": state(-epoch)["fc.weight"]}, row(epoch)
    )


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_last_epoch_comes_back(framework: str, tmp_path: Path) -> None:
    for epochs in (2, 3):
        with open_run(tmp_path, SETTINGS, framework=framework, recipe=RECIPE) as run:  # type: ignore[arg-type]
            for epoch in range(run.epoch + 1, epochs + 1):
                commit(run, epoch)
    assert run.epoch == 3
    weights, moments = run.load()
    assert (weights["fc.weight"] == 3).all()
    assert (moments["fc.weight/momentum"] == -3).all()
    assert read_history(tmp_path) == run.rows == [row(1), row(2), row(3)]
    assert [path.name for path in (tmp_path / "epochs").iterdir()] == ["0003"]
    assert (read(run.finish()).state["fc.weight"] == 3).all()


def test_what_a_killed_commit_left_is_removed(tmp_path: Path) -> None:
    with open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE) as run:
        commit(run, 1)
    draft = tmp_path / "epochs" / "draft"
    draft.mkdir()
    (draft / "weights.pth").write_bytes(b"half")
    # Killed between the folder's name and the copy of the history at the top.
    (tmp_path / "history.jsonl").unlink()
    with open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE) as run:
        assert run.epoch == 1
        commit(run, 2)
    assert read_history(tmp_path) == [row(1), row(2)]


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    with open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE) as run:
        commit(run, 1)
    other = {**SETTINGS, "lr": 0.2, "nesterov": True}
    match = r"lr was 0\.1, now 0\.2; nesterov was None, now True\. Nothing was changed"
    with (
        pytest.raises(UsageError, match=match),
        open_run(tmp_path, other, framework="torch", recipe=RECIPE),
    ):
        pass
    with (
        pytest.raises(UsageError, match="framework was 'torch', now 'paddle'"),
        open_run(tmp_path, SETTINGS, framework="paddle", recipe=RECIPE),
    ):
        pass
    assert json.loads((tmp_path / "config.json").read_text())["lr"] == 0.1


def test_two_programs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE),
        pytest.raises(UsageError, match="another program trains there"),
        open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE),
    ):
        pass


def test_evaluate_reads_the_recipe_of_a_run(tmp_path: Path) -> None:
    with open_run(tmp_path, SETTINGS, framework="torch", recipe=RECIPE):
        pass
    recipes = load_manifest().recipes
    found = open_recipe(str(tmp_path / "recipe.json"), recipes)
    assert found.fingerprint() == RECIPE.fingerprint()


@pytest.mark.parametrize("text", [None, "{", '{"epoch": 1}\n'])
def test_a_damaged_history_is_an_error(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "history.jsonl").write_text(text)
    with pytest.raises(DatasetError, match=r"history\.jsonl: no readable history"):
        read_history(tmp_path)
