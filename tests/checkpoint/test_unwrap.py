"""The weights are found where one way leads to them, and nowhere by a guess."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import Checkpoint, read
from ppim_port.errors import CheckpointError

W = {"w": np.ones(1)}


def reading(tmp_path: Path, value: Any, **options: Any) -> Checkpoint:
    (tmp_path / "a").write_bytes(pickle.dumps(value, 4))
    return read(tmp_path / "a", **options)


@pytest.mark.parametrize(
    ("value", "container"),
    [
        (W, ()),
        ({"state_dict": W, "epoch": 3}, ("state_dict",)),
        ({"model": W, "optimizer": {"exp_avg": np.ones(2)}}, ("model",)),
        ({"model_state_dict": W}, ("model_state_dict",)),
        ({"model": {"state_dict": W}}, ("model", "state_dict")),
        ({"model": {"depth": 3}, "state_dict": W}, ("state_dict",)),
        ({"model": W, "state_dict": W}, ("state_dict",)),
    ],
    ids=["flat", "mmcv", "detr", "tutorial", "two", "config", "same twice"],
)
def test_known_levels_are_descended(
    tmp_path: Path, value: Any, container: tuple[str, ...]
) -> None:
    checkpoint = reading(tmp_path, value)
    assert checkpoint.container == container
    assert list(checkpoint.state) == ["w"]


def test_two_sets_of_weights_are_not_chosen_between(tmp_path: Path) -> None:
    value = {"model": W, "model_ema": dict(W)}
    with pytest.raises(CheckpointError) as caught:
        reading(tmp_path, value)
    assert "container=('model',) or ('model_ema',)" in str(caught.value)
    assert reading(tmp_path, value, container=("model_ema",)).left_behind == ("model",)


def test_tensors_beside_a_level_of_tensors_are_not_chosen_between(
    tmp_path: Path,
) -> None:
    with pytest.raises(CheckpointError, match="more than one set of weights"):
        reading(tmp_path, {**W, "state_dict": dict(W)})


def test_an_unknown_level_is_named_and_can_be_asked_for(tmp_path: Path) -> None:
    value = {"teacher": W, "epoch": 1}
    with pytest.raises(CheckpointError, match=r"no weights found.*teacher, epoch"):
        reading(tmp_path, value)
    assert reading(tmp_path, value, container=("teacher",)).left_behind == ("epoch",)


@pytest.mark.parametrize("container", [("nothing",), ("w",), ("w", "x")])
def test_a_level_that_is_not_there_is_an_error(
    tmp_path: Path, container: tuple[str, ...]
) -> None:
    with pytest.raises(CheckpointError, match="no level"):
        reading(tmp_path, W, container=container)


def test_what_lies_beside_the_tensors_is_left_behind(tmp_path: Path) -> None:
    value = {"epoch": 5, **W, "names": {"w": "x"}, 7: None}
    assert reading(tmp_path, value).left_behind == ("epoch", "names", "<int>")


def test_names_left_behind_are_bounded_plain_text(tmp_path: Path) -> None:
    value = {f"\x1b[31m{i}" + "x" * 1000: i for i in range(50)} | W
    left = reading(tmp_path, value).left_behind
    assert len(left) == 21
    assert left[-1] == "and 30 more"
    assert all(len(name) < 100 and name.isprintable() for name in left)


@pytest.mark.parametrize("value", [{}, [], None, 3, "text", {"state_dict": {}}])
def test_a_file_without_tensors_is_an_error(tmp_path: Path, value: Any) -> None:
    with pytest.raises(CheckpointError, match="no weights found"):
        reading(tmp_path, value)


@pytest.mark.parametrize("key", [3, "", "\ud800", None, "a\x1b[2J", "a\nb"])
def test_a_tensor_needs_a_proper_key(tmp_path: Path, key: Any) -> None:
    with pytest.raises(CheckpointError, match="not proper text"):
        reading(tmp_path, {key: np.ones(1)})


def test_a_dict_that_holds_itself_ends(tmp_path: Path) -> None:
    loop: dict[str, Any] = {}
    for name in ("state_dict", "model", "module", "net"):
        loop[name] = loop
    with pytest.raises(CheckpointError, match="no weights found"):
        reading(tmp_path, loop)
