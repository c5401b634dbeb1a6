"""NaN, infinities and negative variances are named, all keys in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppim_port.errors import CheckpointError
from ppim_port.manifest import load_manifest
from ppim_port.mapping import bad_values, refuse_bad_values
from ppim_port.mapping.values import VARIANCES, negative_variances
from ppim_port.weights import load_weights
from tests.convert.made import save_official
from tests.support.states import made_state, rednet


def test_variances_are_those_of_both_frameworks() -> None:
    assert {"running_var", "_variance"} == VARIANCES


@pytest.mark.parametrize("spelling", ["official", "torch", "paddle"])
def test_sound_weights_have_nothing_wrong(spelling: str) -> None:
    assert bad_values(made_state(rednet(), spelling)) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.layer1.0."])
@pytest.mark.parametrize("leaf", ["running_var", "_variance"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_negative_variance_is_found_under_any_name(
    prefix: str, leaf: str, dtype: str
) -> None:
    key = f"{prefix}bn.{leaf}"
    state = {key: np.array([1, -1e-7, 2], dtype), f"{prefix}bn.bias": -np.ones(3)}
    assert negative_variances(state) == [key]


def test_a_mean_may_be_negative_and_a_variance_may_be_zero() -> None:
    state = {
        "bn.running_mean": -np.ones(3),
        "bn._mean": -np.ones(3),
        "bn.running_var": np.array([0.0, -0.0]),
        "running_variance_of_something.weight": -np.ones(3),
    }
    assert bad_values(state) == ""


def test_every_key_of_every_kind_is_in_one_error() -> None:
    state = {
        "a": np.array([np.nan]),
        "b._variance": np.array([-1.0]),
        "c": np.array([-np.inf]),
        "d.running_var": np.array([1.0, -1.0]),
    }
    with pytest.raises(CheckpointError) as caught:
        refuse_bad_values(state, "net.pth", "Nothing was loaded.")
    assert str(caught.value) == (
        "net.pth: NaN or infinities in a, c; negative variances in b._variance, "
        "d.running_var. Nothing was loaded."
    )


def test_loading_refuses_a_negative_variance(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    state["backbone.stem.2.running_var"][5] *= -1
    path = save_official(tmp_path / "a.pth", state)
    record = load_manifest().model("rednet26")
    with pytest.raises(CheckpointError) as caught:
        load_weights(path, record, framework="paddle")
    assert str(caught.value) == (
        f"{path}: negative variances in backbone.stem.2.running_var. "
        "Nothing was loaded."
    )
