"""Two files are compared tensor by tensor, whatever their formats and frameworks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import diff
from convert.comparison import Verdict
from ppim_port.checkpoint import WriteKind, write
from ppim_port.pairs import NetName, recorded
from ppim_port.pairs.seeded import seeded_state
from ppim_port.state_dict import FrameworkName, StateDict
from tests.convert.conftest import Ran
from tests.convert.made import MADE, Made, save_as, save_official
from tests.support.states import made_state, rednet

Run = Callable[..., Ran]


def saved(
    path: Path,
    state: StateDict,
    kind: WriteKind = "pth",
    framework: FrameworkName = "torch",
) -> Path:
    return write(state, path, kind=kind, framework=framework).path


def compared(first: Path, second: Path, **options: Any) -> dict[str, Verdict]:
    found = diff(first, second, **options)
    assert found.equal is all(
        t.verdict in ("equal", "equal, widened", "within tolerance", "no counterpart")
        for t in found.tensors
    )
    return {tensor.name: tensor.verdict for tensor in found.tensors}


@pytest.mark.parametrize("made", MADE)
def test_the_same_net_is_equal_in_every_spelling(
    made: Made, official: Path, tmp_path: Path, run: Run
) -> None:
    other = save_as(made, tmp_path / "net")
    for pair in ((official, other), (other, official)):
        ran = run("diff", *pair)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.splitlines()[-1].startswith("equal    : ")
    counts = json.loads(run("diff", official, other, "--json").out)["counts"]
    across = made.startswith("paddle")
    assert counts == (
        {"equal": 211, "no counterpart": 40} if across else {"equal": 251}
    )


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("fc.weight", lambda v: v[::-1].copy()),
        ("stem.0.conv.weight", lambda v: np.negative(v)),
        ("layer4.0.bn3._mean", lambda v: np.nextafter(v, 9).astype("f4")),
        ("fc.bias", lambda v: np.where(np.arange(v.size) == 7, np.nan, v).astype("f4")),
    ],
    ids=["rows reversed", "sign", "one ulp", "one NaN"],
)
def test_one_tensor_that_differs_is_named_across_frameworks(
    key: str, fault: Any, official: Path, tmp_path: Path, run: Run
) -> None:
    state = made_state(rednet(), "paddle")
    state[key] = fault(state[key])
    other = saved(tmp_path / "net", state, "pdparams", "paddle")
    ran = run("diff", official, other)
    assert ran.code == 1
    assert ran.out.splitlines()[2].startswith(f"{key}  different  float32 [")
    assert "DIFFERENT: " in ran.out
    found = json.loads(run("diff", official, other, "--json").out)
    assert found["counts"] == {"equal": 210, "different": 1, "no counterpart": 40}
    assert not found["equal"]


def test_a_weight_in_the_wrong_orientation_is_different(
    official: Path, tmp_path: Path
) -> None:
    state = made_state(rednet(num_classes=2048), "paddle")
    assert state["fc.weight"].shape == (2048, 2048)
    right = saved(tmp_path / "right", state, "pdparams", "paddle")
    state["fc.weight"] = state["fc.weight"].T
    wrong = saved(tmp_path / "wrong", state, "pdparams", "paddle")
    source = save_official(
        tmp_path / "source", made_state(rednet(num_classes=2048), "official")
    )
    assert compared(source, right)["fc.weight"] == "equal"
    assert compared(source, wrong)["fc.weight"] == "different"


def test_missing_unexpected_and_shape_are_told_apart(
    official: Path, tmp_path: Path, run: Run
) -> None:
    state = made_state(rednet(), "paddle")
    del state["stem.2.bias"]
    state["stray"] = np.ones(3, "f4")
    state["fc.bias"] = state["fc.bias"][:5]
    other = saved(tmp_path / "net", state, "pdparams", "paddle")
    verdicts = compared(official, other)
    assert verdicts["stem.2.bias"] == "missing"
    assert verdicts["stray"] == "unexpected"
    assert verdicts["fc.bias"] == "shape"
    backwards = compared(other, official)
    assert backwards["stem.2.bias"] == "unexpected"
    assert backwards["stray"] == "missing"
    text = run("diff", official, other).out
    assert "fc.bias      shape       float32 [1000]  float32 [5]" in text


def test_half_precision_is_equal_if_it_widens_to_the_same(tmp_path: Path) -> None:
    half = {"a": np.array([1.5, -0.0], "f2"), "b": np.array([0.5], "f2")}
    full = {"a": np.array([1.5, -0.0], "f4"), "b": np.array([0.1], "f4")}
    verdicts = compared(saved(tmp_path / "h", half), saved(tmp_path / "f", full))
    assert verdicts == {"a": "equal, widened", "b": "different"}


@pytest.mark.parametrize(
    "codes", [("i2", "f2"), ("i8", "f8"), ("i4", "i8"), ("?", "u1")]
)
def test_another_kind_of_number_is_different_whatever_its_value(
    codes: tuple[str, str], tmp_path: Path
) -> None:
    paths = [saved(tmp_path / c, {"w": np.array([1, 0]).astype(c)}) for c in codes]
    assert compared(*paths) == {"w": "different"}


def test_a_tolerance_is_relative_to_the_first_files_largest(tmp_path: Path) -> None:
    first = saved(tmp_path / "a", {"w": np.array([100.0, 0.001], "f4")})
    second = saved(tmp_path / "b", {"w": np.array([100.0, 0.002], "f4")})
    assert compared(first, second)["w"] == "different"
    assert compared(first, second, tolerance=1e-4)["w"] == "within tolerance"
    assert compared(first, second, tolerance=1e-6)["w"] == "different"
    (tensor,) = diff(first, second).tensors
    assert tensor.differing == 1
    assert tensor.max_absolute == pytest.approx(1e-3)
    assert tensor.max_relative == pytest.approx(1e-5)


def test_nan_passes_no_tolerance_and_is_equal_to_its_own_bits_alone(
    tmp_path: Path,
) -> None:
    nan = saved(tmp_path / "a", {"w": np.array([np.nan, 1], "f4")})
    same = saved(tmp_path / "b", {"w": np.array([np.nan, 1], "f4")})
    near = saved(tmp_path / "c", {"w": np.array([np.nan, 1.0000001], "f4")})
    zero = saved(tmp_path / "d", {"w": np.array([0, 1], "f4")})
    assert compared(nan, same)["w"] == "equal"
    for other in (near, zero):
        assert compared(nan, other, tolerance=1e9)["w"] == "different"
        assert compared(other, nan, tolerance=1e9)["w"] == "different"


def test_minus_zero_is_other_bits(tmp_path: Path) -> None:
    first = saved(tmp_path / "a", {"w": np.array([0.0], "f4")})
    second = saved(tmp_path / "b", {"w": np.array([-0.0], "f4")})
    assert compared(first, second)["w"] == "different"
    assert compared(first, second, tolerance=1e-12)["w"] == "within tolerance"


def test_files_of_no_model_are_compared_by_their_own_keys(
    tmp_path: Path, run: Run
) -> None:
    first = saved(tmp_path / "a", {"w": np.ones(3), "v": np.ones(2)})
    second = saved(
        tmp_path / "b", {"w": np.ones(3), "u": np.ones(2)}, "safetensors", "paddle"
    )
    assert compared(first, second) == {"w": "equal", "v": "missing", "u": "unexpected"}
    assert "names    as stored: no model" in run("diff", first, second).out


def test_a_resnet_is_no_rednet_although_most_of_its_keys_are_one_s(
    tmp_path: Path, run: Run
) -> None:
    state = seeded_state(recorded(NetName("torchvision", "resnet18")))
    write(state, tmp_path / "a.pth", kind="pth", framework="torch")
    shown = json.loads(run("inspect", tmp_path / "a.pth", "--json").out)
    assert shown["nearest"] == "resnet18_imagenet"
    names = diff(tmp_path / "a.pth", tmp_path / "a.pth").models
    assert names == ("resnet18_imagenet", "resnet18_imagenet")


def test_a_stray_key_does_not_hide_the_real_one(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    clean = save_official(tmp_path / "a", state)
    state["fc.weight"] = np.zeros(3, "f4")
    verdicts = compared(clean, save_official(tmp_path / "b", state))
    assert verdicts["fc.weight"] == "equal"
    assert verdicts["fc.weight (not rednet26's)"] == "unexpected"


def test_counters_are_compared_where_both_have_them(
    official: Path, tmp_path: Path
) -> None:
    other = save_official(tmp_path / "b", made_state(rednet(), "official", seed=0))
    assert set(compared(official, other).values()) == {"equal"}
    state = made_state(rednet(), "official")
    key = "backbone.stem.2.num_batches_tracked"
    state[key] = np.array(5)
    verdicts = compared(official, save_official(tmp_path / "c", state))
    assert verdicts["stem.2.num_batches_tracked"] == "different"


def test_json_is_proper_json_where_differences_are_not_finite(
    tmp_path: Path, run: Run
) -> None:
    first = saved(tmp_path / "a", {"w": np.array([0.0], "f4")})
    second = saved(tmp_path / "b", {"w": np.array([np.inf], "f4")})
    ran = run("diff", first, second, "--json")
    found = json.loads(ran.out, parse_constant=pytest.fail)
    assert found["tensors"][0]["max_absolute"] is None
    assert ran.code == 1
