"""ONNX files: what they compute, what they say, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

import ppim_port
from convert.cli import main
from ppim_port.backends import get_backend
from ppim_port.errors import (
    MissingPackageError,
    OutputExistsError,
    UsageError,
    VerificationError,
)
from ppim_port.export import nets, onnx_file, onnx_graphs
from ppim_port.export.nets import TOLERANCE, pictures, reference, subject_of
from ppim_port.export.onnx_file import export_onnx
from ppim_port.factory import create_model
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName
from tests.convert.made import listing, save_as
from tests.export.tamed import tamed_state
from tests.support.nets import PARITY, relative

both = pytest.mark.parametrize("framework", FRAMEWORKS)
SIZE = 64


def made(framework: FrameworkName = "torch", name: str = "rednet26") -> Any:
    model = create_model(name, framework=framework, num_classes=7)
    get_backend(framework).load(model, tamed_state(model.config, framework))
    return model


def answered(path: Path, images: Array) -> Array:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits: Array = session.run(["logits"], {"images": images})[0]
    return logits


@both
def test_the_graph_is_the_net_in_float64(framework: FrameworkName) -> None:
    subject = subject_of(made(framework), 32, 32)
    model = onnx_graphs.fused_model(subject, batch=2, opset=18, dtype="float64")
    onnx.checker.check_model(model, full_check=True)
    known = reference(subject, 2)
    images = {"images": known.images.astype(np.float64)}
    # ONNX's own interpreter: ONNX Runtime has no float64 convolution for the CPU.
    (found,) = ReferenceEvaluator(model).run(None, images)
    assert relative(found, known.float64) < PARITY


@both
def test_a_fused_file_takes_any_number_of_pictures(
    framework: FrameworkName, tmp_path: Path
) -> None:
    model = made(framework)
    path = tmp_path / "a.onnx"
    done = export_onnx(model, path, image_size=SIZE, fused=True)
    images = pictures(5, SIZE)
    found = answered(path, images)
    assert relative(found, get_backend(framework).predict(model, images)) < TOLERANCE
    assert [(c.runtime.rpartition(", ")[2], c.batch) for c in done.checks] == [
        ("optimised", 1),
        ("optimised", 2),
        ("not optimised", 1),
        ("not optimised", 2),
    ]
    assert done.size == path.stat().st_size
    assert all(
        0 < c.float32 < TOLERANCE and 0 < c.float64 < TOLERANCE for c in done.checks
    )


@pytest.mark.parametrize("fused", [True, False])
def test_a_file_of_one_picture_takes_no_two(fused: bool, tmp_path: Path) -> None:
    name = "rednet26" if fused else "resnet18_nam"
    path = tmp_path / "a.onnx"
    done = export_onnx(made(name=name), path, batch=1, image_size=32, fused=fused)
    assert {check.batch for check in done.checks} == {1}
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in shape] == [1, 3, 32, 32]


@pytest.mark.slow
def test_a_plain_rednet_holds_operators_of_onnx_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    model = made()
    done = export_onnx(model, path, image_size=SIZE)
    graph = onnx.load(path)
    assert {opset.domain for opset in graph.opset_import} == {""}
    assert {node.domain for node in graph.graph.node} == {""}
    assert "If" not in {node.op_type for node in graph.graph.node}
    assert done.metadata["form"] == "plain"
    images = pictures(3, SIZE)
    found = answered(path, images)
    assert relative(found, get_backend("torch").predict(model, images)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18_nam", "resnet18_nam_pixel", "resnet50_sac", "efficientnet_lite0"]
)
def test_every_family_is_exported_plain(name: str, tmp_path: Path) -> None:
    export_onnx(made(name=name), tmp_path / "a.onnx")


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    weights = save_as("official", tmp_path / "official.pth")
    model = create_model("rednet26", weights=weights)
    path = tmp_path / "a.onnx"
    options: dict[str, Any] = {"image_size": 32, "fused": True}
    done = export_onnx(model, path, weights=weights, **options)
    said = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert said == {f"ppim_port.{k}": v for k, v in done.metadata.items()}
    told = done.metadata
    assert told["model"] == "rednet26"
    assert told["recipe"] == "rednet-official"
    assert told["recipe_fingerprint"] == "76e5dac3830c287e"
    assert told["weights"] == "official.pth"
    assert len(told["weights_sha256"]) == 64
    assert told["classes"].split()[:2] == ["n01440764", "n01443537"]
    assert f"onnx {onnx.__version__}" in told["made_with"]
    again = export_onnx(model, tmp_path / "b.onnx", weights=weights, **options)
    assert again.sha256 == done.sha256


def test_a_net_of_other_classes_names_none(tmp_path: Path) -> None:
    done = export_onnx(made(), tmp_path / "a.onnx", image_size=32, fused=True)
    assert "classes" not in done.metadata
    assert done.metadata["num_classes"] == "7"


def wrong(*args: Any, **options: Any) -> onnx.ModelProto:
    """The right graph but for one weight of one kernel generator."""
    model = onnx_graphs.fused_model(*args, **options)
    one = next(t for t in model.graph.initializer if list(t.dims) == [49 * 4, 16, 1, 1])
    value = onnx.numpy_helper.to_array(one).copy()
    value[24] *= 1.5
    one.CopyFrom(onnx.numpy_helper.from_array(value, one.name))
    return model


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_left_of_an_export_that_disagrees(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.onnx"
    if there:
        path.write_bytes(b"older")
    before = listing(tmp_path)
    monkeypatch.setattr(
        onnx_file, "_model", lambda s, b, o, f: wrong(s, batch=b, opset=o)
    )
    with pytest.raises(VerificationError) as caught:
        export_onnx(made(), path, image_size=SIZE, fused=True, overwrite=True)
    text = str(caught.value)
    assert "the export does not compute what the net does (limit 5e-05)" in text
    assert "not optimised, 2 at once" in text
    assert listing(tmp_path) == before


def test_a_net_that_overflows_in_float32_proves_nothing(tmp_path: Path) -> None:
    model = made(name="resnet18_nam")
    model.fc.weight.data.mul_(1e38)
    with pytest.raises(VerificationError, match=r"no export can be\s+proven"):
        export_onnx(model, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_logits_that_are_no_numbers_agree_with_nothing(tmp_path: Path) -> None:
    known = nets.Reference(pictures(1, 4), np.ones((1, 2), np.float32), np.ones((1, 2)))
    for bad in (np.full((1, 2), np.nan), np.ones((1, 3)), np.array([[1.0, np.inf]])):
        with pytest.raises(VerificationError):
            nets.verify([("a", lambda _, bad=bad: bad)], known, 1, tmp_path)


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"older")
    model, options = made(), {"image_size": 32, "fused": True}
    with pytest.raises(OutputExistsError, match=r"a\.onnx exists already"):
        export_onnx(model, path, **options)
    assert path.read_bytes() == b"older"
    export_onnx(model, path, overwrite=True, **options)
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("rednet26", {"batch": 0}, "batch is 0, expected 'dynamic' or 1 or more"),
        ("rednet26", {"batch": "any"}, "batch is 'any'"),
        ("rednet26", {"opset": 12}, "opset is 12, expected 18 to 23"),
        ("rednet26", {"image_size": 100}, "cannot take images of 100x100"),
        ("resnet18_nam", {"fused": True}, "resnet_nam has no inference form to export"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    name: str, options: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, ppim_port.errors.InputError)) as caught:
        export_onnx(made(name=name), tmp_path / "a.onnx", **options)
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda: made("paddle"), "pass fused=True"),
        (lambda: made().double(), "The net is in float64"),
        (lambda: ppim_port.create_features("rednet26"), "has no classifier"),
    ],
)
def test_a_net_that_cannot_be_exported_is_refused(
    model: Any, text: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=text):
        export_onnx(model(), tmp_path / "a.onnx", image_size=32)


def test_an_absent_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"ppim-port\[export\]"):
        export_onnx(made(), tmp_path / "a.onnx")


def test_the_command_exports_and_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = save_as("official", tmp_path / "o.pth"), tmp_path / "a.onnx"
    words = ["export", "rednet26", "--weights", str(weights), "--to", "onnx"]
    words += ["--fused", "--image-size", "32", "--batch", "1", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(out)
    assert told["metadata"]["weights"] == "o.pth"
    assert len(told["checks"]) == 2
    assert main(words) == 2
    assert "pass --force to overwrite" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("rednet26: fused, images of 32x32, 1000 classes\nONNX")
    assert "\nwritten  " in text


def test_the_command_refuses_what_paddle_has_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["export", "rednet26", "--weights", "a.pth", "--to", "paddle-static"]
    assert main([*words, "--fused"]) == 2
    assert "--fused and --opset are for --to onnx" in capsys.readouterr().err
