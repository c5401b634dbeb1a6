"""The proof sees every planted fault, and nothing that is not finite passes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import Request, proof
from convert.pipeline import convert
from convert.records import Outcome
from convert.render import summary
from ppim_port.checkpoint import write
from ppim_port.errors import VerificationError
from ppim_port.mapping import Mapping, apply
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.convert.made import REDNET26, listing, save_as
from tests.support.states import made_state

Fault = Callable[[StateDict], None]


def edited(key: str, change: Callable[[Array], Array]) -> Fault:
    def fault(state: StateDict) -> None:
        state[key] = np.ascontiguousarray(change(state[key].copy()))
        assert state[key].dtype == np.float32

    return fault


def swapped(first: str, second: str) -> Fault:
    def fault(state: StateDict) -> None:
        assert state[first].shape == state[second].shape
        state[first], state[second] = state[second], state[first]

    return fault


def statistics_swapped(state: StateDict) -> None:
    mean, variance = "layer2.0.bn2._mean", "layer2.0.bn2._variance"
    # Negative variances would be refused before a net runs.
    state[mean], state[variance] = state[variance], np.abs(state[mean])


def one_percent(value: Array) -> Array:
    value.flat[7] *= 1.01
    return value


def corner_tap(value: Array) -> Array:
    value[0] += 0.01
    return value


INVOLUTION = "layer4.0.conv2.conv2.conv"
FAULTS: dict[str, Fault] = {
    "two weights of one shape swapped": swapped(
        "layer3.1.conv1.weight", "layer3.2.conv1.weight"
    ),
    "mean and variance swapped": statistics_swapped,
    "scale and shift swapped": swapped("stem.2.weight", "stem.2.bias"),
    "sign of one tensor": edited("layer1.0.conv3.weight", np.negative),
    "one weight of 131,072 by 1 %": edited("layer2.1.conv1.weight", one_percent),
    "a square convolution transposed": edited(
        "layer1.0.conv1.weight", lambda v: v.transpose(1, 0, 2, 3)
    ),
    "one tensor rounded to half precision": edited(
        "layer3.0.conv3.weight", lambda v: v.astype(np.float16).astype(np.float32)
    ),
    "epsilon 1.1e-5 in one batch norm": edited(
        "layer3.3.bn1._variance", lambda v: v + np.float32(1e-6)
    ),
    "classes shifted by one": edited("fc.weight", lambda v: np.roll(v, 1, axis=1)),
    "biases of the classes shifted by one": edited("fc.bias", lambda v: np.roll(v, 1)),
    "BGR for RGB": edited("stem.0.conv.weight", lambda v: v[:, ::-1]),
    "taps of an involution in reverse": edited(
        f"{INVOLUTION}.weight", lambda v: v[::-1]
    ),
    "a corner tap of the last involution": edited(f"{INVOLUTION}.bias", corner_tap),
    "one tensor of zeros": edited("layer4.0.downsample.1.bias", np.zeros_like),
}
# What changes the logits least, and what no shape shows; the louder rest is by night.
BY_DAY = (
    "two weights of one shape swapped",
    "one weight of 131,072 by 1 %",
    "a square convolution transposed",
    "one tensor rounded to half precision",
    "epsilon 1.1e-5 in one batch norm",
    "BGR for RGB",
    "a corner tap of the last involution",
)


@pytest.fixture
def one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "IMAGES", 1)
    monkeypatch.setattr(proof, "IMAGE_SIZE", proof.SMALL_SIZE)


@pytest.fixture(scope="module")
def before() -> dict[str, Array]:
    return {}


@pytest.fixture
def same_source(before: dict[str, Array], monkeypatch: pytest.MonkeyPatch) -> None:
    """The official file's own logits are the same for each fault: computed once."""
    real = proof._logits

    def remembered(framework: FrameworkName, *rest: Any) -> Array:
        if framework == "paddle":
            return real(framework, *rest)
        if framework not in before:
            before[framework] = real(framework, *rest)
        return before[framework]

    monkeypatch.setattr(proof, "_logits", remembered)


def plant(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the conversion, not the proof's own reading of the source, go wrong."""

    def faulty(mapping: Mapping, source: StateDict) -> StateDict:
        state = dict(apply(mapping, source))
        fault(state)
        return state

    monkeypatch.setattr("convert.pipeline.apply", faulty)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in BY_DAY else pytest.mark.slow)
        for name in FAULTS
    ],
)
def test_a_fault_is_seen_and_nothing_is_written(
    name: str,
    official: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    one_image: None,
    same_source: None,
) -> None:
    plant(FAULTS[name], monkeypatch)
    with pytest.raises(VerificationError) as caught:
        convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert caught.value.exit_code == 1
    assert listing(tmp_path) == {}
    text = str(caught.value)
    assert text.startswith("rednet26: the torch and the paddle net disagree by ")
    assert "expected a difference of at most 1e-09" in text
    assert f"Nothing was written to {tmp_path / 'rednet26.pdparams'}." in text


def test_the_same_run_without_a_fault_is_proven(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_image: None
) -> None:
    plant(lambda state: None, monkeypatch)
    done = convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert done.proof is not None


def test_a_fault_is_seen_on_the_way_to_torch_too(
    paddle_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    one_image: None,
) -> None:
    plant(edited("fc.weight", lambda v: np.roll(v, 1, axis=0)), monkeypatch)
    with pytest.raises(VerificationError, match="the paddle and the torch net"):
        convert(Request("rednet26", checkpoint=paddle_file, out=tmp_path))
    assert listing(tmp_path) == {}


def test_a_refusal_leaves_what_force_would_have_replaced(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_nets: None
) -> None:
    (tmp_path / "rednet26.pdparams").write_text("old")
    before = listing(tmp_path)
    plant(FAULTS["classes shifted by one"], monkeypatch)
    with pytest.raises(VerificationError):
        convert(Request("rednet26", checkpoint=official, out=tmp_path, force=True))
    assert listing(tmp_path) == before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_that_is_not_finite_is_proven_even_in_the_same_framework(
    bad: float, tmp_path: Path, one_image: None
) -> None:
    # Paddle's relu swallows NaN: both nets would give the same finite logits.
    state = made_state(REDNET26, "paddle")
    state["stem.2.bias"][0] = bad
    source = tmp_path / "source.pdparams"
    write(state, source, kind="pdparams", framework="paddle")
    request = Request(
        "rednet26",
        checkpoint=source,
        to="pdparams",
        out=tmp_path / "out.pdparams",
        allow_nonfinite=True,
    )
    with pytest.raises(VerificationError, match=r"NaN or infinities in stem\.2\.bias:"):
        convert(request)
    assert list(listing(tmp_path)) == ["source.pdparams"]


def test_logits_that_are_not_finite_are_called_so(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_logits", lambda *args: np.full((2, 3), np.nan))
    with pytest.raises(VerificationError, match="are not finite, or all zero, and"):
        convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert listing(tmp_path) == {}


def test_the_record_says_what_was_compared(ported: Outcome) -> None:
    import torch

    from tests.support.frameworks import paddle

    assert ported.proof is not None
    record = asdict(ported.proof)
    measured = ("max_relative_difference", "noise_floor", "state_sha256")
    assert all(record.pop(name) for name in measured)
    assert record == {
        "tolerance": 1e-9,
        "precision": "float64",
        "images": 2,
        "image_size": 224,
        "seed": 0,
        "source": f"torch {torch.__version__}",
        "target": f"paddle {paddle.version.full_version}",
        "layers": 134,
        "tensors": 211,
        "gradients": None,
    }


def test_a_port_within_torch_is_proven_too(
    official: Path, tmp_path: Path, one_image: None
) -> None:
    done = convert(Request("rednet26", checkpoint=official, to="pth", out=tmp_path))
    assert done.proof is not None
    assert done.proof.max_relative_difference == 0


def test_a_paddle_file_is_proven_on_the_way_to_torch(
    tmp_path: Path, one_image: None
) -> None:
    source = save_as("paddle-safe", tmp_path / "source")
    done = convert(Request("rednet26", checkpoint=source, out=tmp_path))
    assert done.proof is not None
    assert done.proof.source.startswith("paddle ")
    assert done.proof.target.startswith("torch ")


def test_the_noise_of_float32_is_measured_in_each_framework(ported: Outcome) -> None:
    assert ported.proof is not None
    floor = ported.proof.noise_floor
    assert floor.source is not None
    assert floor.target is not None
    # 4e-7 and 1.4e-6 measured with torch 2.13.0 and paddlepaddle 3.3.1.
    assert 1e-8 < floor.source < 1e-5
    assert 1e-8 < floor.target < 1e-5
    assert floor.source != floor.target


def test_weights_that_overflow_in_float32_alone_are_proven_and_said_to(
    tmp_path: Path, one_image: None
) -> None:
    state = made_state(REDNET26, "official")
    state["backbone.layer4.0.bn3.weight"] *= np.float32(1e38)
    source = tmp_path / "source.pth"
    write(state, source, kind="pth", framework="torch")
    done = convert(Request("rednet26", checkpoint=source, out=tmp_path))
    assert done.proof is not None
    assert done.proof.noise_floor.source is None
    assert "of float32: too much to tell, it overflows" in summary(done)
    parity = json.loads(done.provenance.read_text())["parity"]
    assert parity["noise_floor"]["source"] is None
