"""What is in a file is shown as it is, and held against every model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import inspect
from ppim_port.checkpoint import read, sha256_file, write
from tests.convert.conftest import Ran
from tests.convert.made import MADE, Made, save_as, save_official
from tests.support.states import VARIANTS, made_state, rednet

Run = Callable[..., Ran]


def shown(run: Run, path: Path) -> dict[str, Any]:
    ran = run("inspect", path, "--json")
    assert (ran.code, ran.err) == (0, "")
    value: dict[str, Any] = json.loads(ran.out)
    return value


def test_the_file_itself_is_described(official: Path, run: Run) -> None:
    found = shown(run, official)
    assert found["path"] == str(official)
    assert found["size"] == official.stat().st_size
    assert found["sha256"] == sha256_file(official)
    assert found["format"] == "pth-zip"
    assert found["framework"] == "torch"
    assert found["container"] == ["state_dict"]
    assert found["left_behind"] == ["meta"]
    assert (found["keys"], found["bad_values"]) == (251, "")


def test_every_tensor_is_there_with_its_figures(official: Path, run: Run) -> None:
    state = read(official).state
    tensors = shown(run, official)["tensors"]
    assert [t["key"] for t in tensors] == list(state)
    for tensor in tensors:
        value = state[tensor["key"]].astype(np.float64)
        figures = tensor["figures"]
        assert tensor["shape"] == list(value.shape)
        assert tensor["size"] == value.size
        assert (figures["minimum"], figures["maximum"]) == (value.min(), value.max())
        assert figures["mean"] == pytest.approx(value.mean(), abs=1e-12)
        assert figures["deviation"] == pytest.approx(value.std(), abs=1e-12)


@pytest.mark.parametrize("made", MADE)
def test_a_sound_file_fits_its_model_in_every_spelling(
    made: Made, tmp_path: Path, run: Run
) -> None:
    found = shown(run, save_as(made, tmp_path / "net"))
    assert found["fits"] == found["nearest"] == "rednet26"
    best, *others = found["candidates"]
    assert (best["model"], best["problems"]) == ("rednet26", [])
    assert len(others) >= 4
    for other in others:
        assert not other["fits"]
        assert other["missing"] + other["unexpected"] + other["shape"] > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_is_told_from_the_others(
    variant: str, tmp_path: Path, run: Run
) -> None:
    # A fraction of the values: only keys, shapes and dtypes are of interest.
    state = {
        key: np.broadcast_to(np.array(1, value.dtype), value.shape)
        for key, value in made_state(rednet(variant), "paddle").items()
    }
    path = tmp_path / "net"
    write(state, path, kind="safetensors", framework="paddle")
    assert shown(run, path)["fits"] == f"rednet{variant}"


def test_why_a_model_does_not_fit_is_counted_and_named(
    tmp_path: Path, run: Run
) -> None:
    state = made_state(rednet(), "official")
    del state["backbone.stem.2.bias"]
    state["backbone.stem.0.conv.weight"] = np.zeros((32, 3, 5, 5), "f4")
    state["head.fc.bias"] = state["head.fc.bias"].astype("f8")
    state["stray"] = np.zeros(3, "f4")
    path = save_official(tmp_path / "net.pth", state)
    best = shown(run, path)["candidates"][0]
    assert best["model"] == "rednet26"
    counts = [best[kind] for kind in ("missing", "unexpected", "shape", "dtype")]
    assert counts == [1, 1, 1, 1]
    assert best["problems"] == [
        "missing: backbone.stem.2.bias",
        "unexpected: stray",
        "shape: backbone.stem.0.conv.weight is [32, 3, 5, 5], expected [32, 3, 3, 3]",
        "dtype: head.fc.bias is float64, expected float32",
    ]
    text = run("inspect", path).out
    assert "fits     no model exactly; nearest is rednet26: missing: back" in text
    assert "and 1 more (--json lists all)" in text


def test_a_strangers_net_is_nobodys(tmp_path: Path, run: Run) -> None:
    write({"w": np.ones(3)}, tmp_path / "net", kind="pth", framework="torch")
    found = shown(run, tmp_path / "net")
    assert (found["fits"], found["nearest"]) == (None, None)
    assert "too few keys are known" in run("inspect", tmp_path / "net").out


def test_a_shape_that_no_configuration_has_is_a_reason_too(
    tmp_path: Path, run: Run
) -> None:
    state = made_state(rednet(), "official")
    state["backbone.stem.1.conv2.conv.weight"] = np.zeros((32, 8, 1, 1), "f4")
    path = save_official(tmp_path / "net.pth", state)
    found = shown(run, path)
    assert found["fits"] is None
    assert (
        "fits     no model; rednet26: shape: stem.1.conv2" in run("inspect", path).out
    )
    rednets = [c for c in found["candidates"] if c["model"].startswith("rednet")]
    assert len(rednets) == 5
    assert all("32 outputs fit no involu" in c["problems"][0] for c in rednets)


def test_bad_values_are_named_and_counted_and_no_figure_is_nan(
    tmp_path: Path, run: Run
) -> None:
    state = {
        "a": np.array([np.nan, 1, -np.inf], "f4"),
        "b": np.array([np.nan], "f4"),
        "bn.running_var": np.array([-1.0, 2.0], "f4"),
    }
    write(state, tmp_path / "net", kind="pth", framework="torch")
    found = shown(run, tmp_path / "net")
    assert found["bad_values"] == (
        "NaN or infinities in a; NaN or infinities in b; "
        "negative variances in bn.running_var"
    )
    first, second, _ = (t["figures"] for t in found["tensors"])
    assert (first["nans"], first["infinities"], first["mean"]) == (1, 1, 1.0)
    assert second["mean"] is None


def test_bfloat16_is_called_so(tmp_path: Path, run: Run) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.save({"w": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "net.pth")
    (tensor,) = shown(run, tmp_path / "net.pth")["tensors"]
    assert (tensor["stored_dtype"], tensor["dtype"]) == ("bfloat16", "float32")
    row = run("inspect", tmp_path / "net.pth").out.splitlines()[2]
    assert row.split()[:3] == ["w", "2", "bfloat16"]


def test_the_text_ends_with_what_matters(official: Path, run: Run) -> None:
    ran = run("inspect", official)
    lines = ran.out.splitlines()
    labels = [line.split()[0] for line in lines[-6:]]
    assert labels == [f"{official}:", "sha256", "format", "tensors", "values", "fits"]
    assert lines[-3] == (
        "tensors  251 keys (211 float32, 40 int64), 9,264,358 elements"
    )
    assert lines[-1] == "fits     rednet26 (official names): every key, shape and dtype"
    assert sum(line.startswith("backbone.") for line in lines) == 249


def test_from_python_it_is_a_record(official: Path) -> None:
    seen = inspect(official)
    assert seen.candidates[0].fits
    assert seen.tensors[0].shape == (32, 3, 3, 3)
