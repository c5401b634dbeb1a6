"""Conversions from and to Keras: every direction, proven, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import Request
from convert.cli import main
from convert.explanation import explain
from convert.pipeline import convert
from convert.verification.files import verify_file
from ppim_port.backends import get_backend
from ppim_port.checkpoint import WriteKind, read, write
from ppim_port.errors import CheckpointError, UsageError, VerificationError
from ppim_port.models.involution_cifar.family import FAMILY
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import load_weights
from tests.mapping.plans import bits
from tests.support import keras_home
from tests.support.fake_backend import images_of
from tests.support.states import made_state

MODEL = "involution_cifar10"
CONFIG = FAMILY.configure("involution")
SOURCES: dict[FrameworkName, WriteKind] = {
    "torch": "pth",
    "paddle": "pdparams",
    "keras": "weights.h5",
}

# Of made-up weights; with most others a ReLU of one channel is dead.
LIVELY = 9

assert keras_home.HOME


def source(framework: FrameworkName, folder: Path, model: str = "involution") -> Path:
    kind = SOURCES[framework]
    path = folder / f"source.{kind}"
    state = made_state(FAMILY.configure(model), framework, seed=LIVELY)
    write(state, path, kind=kind, framework=framework)
    return path


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("keras", "paddle", "out.pdparams"),
        ("keras", "torch", "out.pth"),
        ("paddle", "keras", "out.weights.h5"),
        ("torch", "keras", "out.weights.h5"),
        ("torch", "keras", "out.safetensors"),
    ],
)
def test_every_direction_is_proven_and_gives_the_same_numbers(
    start: FrameworkName, end: FrameworkName, name: str, tmp_path: Path
) -> None:
    request = Request(
        MODEL,
        checkpoint=source(start, tmp_path),
        out=tmp_path / name,
        framework=end,
        gradients=name == "out.pdparams",
    )
    outcome = convert(request)
    assert outcome.proof is not None
    assert outcome.proof.max_relative_difference < 1e-12
    assert outcome.proof.layers == 23
    back = read(outcome.written.path)
    assert back.framework == end
    expected = made_state(CONFIG, end, seed=LIVELY)
    made = [key for key in expected if key.endswith("num_batches_tracked")]
    found = {key: back.state[key] for key in expected if key not in made}
    assert bits(found) == bits({k: v for k, v in expected.items() if k not in made})


def test_an_archive_is_a_model_that_keras_loads(tmp_path: Path) -> None:
    """`keras.models.load_model` gives the net with the source's logits."""
    keras: Any = __import__("ppim_port.backends.keras_start", fromlist=["keras"]).keras
    path = source("torch", tmp_path)
    outcome = convert(Request(MODEL, checkpoint=path, out=tmp_path / "net.keras"))
    model = keras.models.load_model(outcome.written.path)
    backend = get_backend("torch")
    net = backend.build(CONFIG)
    backend.load(net, read(path).state)
    images = images_of(2)
    found = model.predict(images.transpose(0, 2, 3, 1), verbose=0)
    assert np.abs(found - backend.predict(net, images)).max() < 1e-5
    # And its weights are read as those of a file that Keras wrote.
    assert read(outcome.written.path).container == ("model.weights.h5",)
    again = convert(
        Request(MODEL, checkpoint=path, out=tmp_path / "again.keras", verify=False)
    )
    assert again.written.sha256 == outcome.written.sha256


def test_weights_files_load_into_the_live_net(tmp_path: Path) -> None:
    path = source("paddle", tmp_path, "convolution")
    out = tmp_path / "net.weights.h5"
    request = Request("convolution_cifar10", checkpoint=path, out=out, verify=False)
    convert(request)
    backend = get_backend("keras")
    config = FAMILY.configure("convolution")
    model = backend.build(config)
    model.load_weights(out)
    assert bits(backend.state(model)) == bits(made_state(config, "keras", seed=LIVELY))


def test_what_a_training_left_is_read_past_the_optimizer(tmp_path: Path) -> None:
    backend = get_backend("keras")
    model = backend.build(CONFIG)
    model.compile("adam", "mse")
    model.fit(np.ones((2, 32, 32, 3), "f4"), np.ones((2, 10)), verbose=0)
    path = tmp_path / "trained.keras"
    model.save(path)
    found = read(path)
    assert found.left_behind[:2] == ("metadata.json", "config.json")
    assert any(text.startswith("optimizer (") for text in found.left_behind)
    outcome = convert(Request(MODEL, checkpoint=path, out=tmp_path, to="torch"))
    assert outcome.written.path.name == f"{MODEL}.pth"
    assert outcome.plan.mapping.tally()["permute"] == 6


def test_a_framework_chooses_the_format_that_the_name_ends_in(tmp_path: Path) -> None:
    path = source("torch", tmp_path)
    options: dict[str, Any] = {"checkpoint": path, "verify": False}
    usual = convert(Request(MODEL, out=tmp_path, to="keras", **options))
    assert usual.written.path.name == f"{MODEL}.weights.h5"
    named = convert(Request(MODEL, out=tmp_path / "a.keras", to="keras", **options))
    assert named.plan.kind == "keras"
    with pytest.raises(UsageError, match=r"is called a \.pth but would be a \.weights"):
        convert(Request(MODEL, out=tmp_path / "a.pth", to="keras", **options))
    with pytest.raises(UsageError, match="--to keras and --framework torch clash"):
        convert(Request(MODEL, out=tmp_path, to="keras", framework="torch", **options))


def test_a_wrong_port_is_refused_and_its_layer_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convert import pipeline

    def spoilt(mapping: Any, state: Any) -> Any:
        made = right(mapping, state)
        key = "layers/involution_1/kernel_gen/layers/conv2d_1/vars/0"
        return {**made, key: made[key] * np.float32(1.01)}

    right = pipeline.apply
    monkeypatch.setattr(pipeline, "apply", spoilt)
    out = tmp_path / "out.weights.h5"
    with pytest.raises(VerificationError) as caught:
        convert(Request(MODEL, checkpoint=source("torch", tmp_path), out=out))
    assert "mix2.kernel_gen.3 is the first layer that differs" in str(caught.value)
    assert not out.exists()


def test_a_port_is_verified_and_explained_afterwards(tmp_path: Path) -> None:
    path = source("keras", tmp_path)
    out = tmp_path / "out.pdparams"
    convert(Request(MODEL, checkpoint=path, out=out, verify=False))
    verified = verify_file(MODEL, out)
    assert verified.note == "as its sidecar says"
    assert verified.proof.max_relative_difference < 1e-12
    assert verify_file(MODEL, path).proof.target.startswith("paddle ")
    assert explain(out).problems == ()
    sidecar = out.with_name(out.name + ".provenance.json")
    document = json.loads(sidecar.read_text())
    turned = [t for t in document["tensors"] if t["action"] == "permute"]
    assert [t["axes"] for t in turned] == [[3, 2, 0, 1]] * 6
    turned[0]["axes"] = [2, 3, 1, 0]
    sidecar.write_text(json.dumps(document))
    assert any("not what its rules make" in text for text in explain(out).problems)


def test_other_families_have_no_keras_net_and_it_is_said_before_reading(
    tmp_path: Path,
) -> None:
    missing = tmp_path / "not-there.pth"
    with pytest.raises(UsageError, match="There is no keras net of the family rednet"):
        convert(Request("rednet26", checkpoint=missing, to="keras", out=tmp_path))
    with pytest.raises(UsageError, match="There is no keras net of the family rednet"):
        convert(Request("rednet26", checkpoint=source("keras", tmp_path), to="torch"))


def test_a_negative_variance_is_named_in_a_keras_file(tmp_path: Path) -> None:
    state = made_state(CONFIG, "keras")
    key = "layers/involution/kernel_gen/layers/batch_normalization/vars/3"
    path = tmp_path / "bad.weights.h5"
    write({**state, key: -state[key]}, path, kind="weights.h5", framework="keras")
    with pytest.raises(CheckpointError, match=f"negative variances in {key}"):
        convert(Request(MODEL, checkpoint=path, out=tmp_path, verify=False))


def test_any_file_is_loaded_for_any_framework(tmp_path: Path) -> None:
    from ppim_port.manifest import load_manifest

    record = load_manifest().model(MODEL)
    for start in SOURCES:
        weights = load_weights(source(start, tmp_path), record, framework="keras")
        assert bits(weights.state) == bits(made_state(CONFIG, "keras", seed=LIVELY))


def test_the_command_takes_a_framework_and_shows_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source("keras", tmp_path)
    words = [MODEL, "--checkpoint", str(path), "--to", "torch", "--plan"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "6 permute, 20 rename, 3 create, 2 transpose" in text
    assert main(["diff", str(path), str(source("torch", tmp_path))]) == 0
