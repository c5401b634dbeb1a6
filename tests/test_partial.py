"""A weights file without its classifier: what is loaded, left out, kept, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppim_port
from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.errors import MappingError, UsageError
from ppim_port.factory import create_model
from ppim_port.manifest import load_manifest
from ppim_port.models.family import load_family
from ppim_port.partial import LeftOut, load_partial
from ppim_port.state_dict import FRAMEWORKS, FrameworkName
from tests.convert.made import save_as
from tests.support.states import made_state, rednet

both = pytest.mark.parametrize("framework", FRAMEWORKS)
# The smallest model of each family.
SMALLEST = {
    record.family: record for record in reversed(load_manifest().models.values())
}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_as("official", tmp_path_factory.mktemp("files") / "official.pth")


def state_of(model: Any, framework: FrameworkName) -> dict[str, Any]:
    return {k: np.array(v) for k, v in get_backend(framework).state(model).items()}


@both
def test_all_but_the_classifier_is_loaded_and_every_key_is_told(
    framework: FrameworkName, official: Path
) -> None:
    model = create_model(
        "rednet26",
        framework=framework,
        weights=official,
        num_classes=10,
        new_classifier=True,
    )
    found = state_of(model, framework)
    expected = made_state(rednet(), framework)
    report = model.partial_load
    assert report.path == official
    assert report.fresh == ("fc.weight", "fc.bias")
    assert report.started == ()
    assert {*report.loaded, *report.fresh} == found.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in report.loaded)
    assert found["fc.bias"].shape == (10,)
    assert not model.training
    classifier = [
        LeftOut("head.fc.weight", (1000, 2048), "float32", "of the classifier"),
        LeftOut("head.fc.bias", (1000,), "float32", "of the classifier"),
    ]
    counters = 40 if framework == "paddle" else 0
    assert list(report.left_out[-2:]) == classifier
    assert len(report.left_out) == 2 + counters
    assert all(x.key.endswith("num_batches_tracked") for x in report.left_out[:-2])


def test_what_pytorch_has_and_paddles_file_lacks_is_told(tmp_path: Path) -> None:
    path = save_as("paddle", tmp_path / "a.pdparams")
    report = create_model("rednet26", weights=path, new_classifier=True).partial_load
    assert len(report.started) == 40
    assert all(key.endswith("num_batches_tracked") for key in report.started)
    left = [(x.key, x.shape) for x in report.left_out]
    # As Paddle lays it out: the file's own shape.
    assert left == [("fc.weight", (2048, 1000)), ("fc.bias", (1000,))]


@both
def test_a_classifier_of_the_same_size_is_new_all_the_same(
    framework: FrameworkName, official: Path
) -> None:
    model = create_model(
        "rednet26", framework=framework, weights=official, new_classifier=True
    )
    found = state_of(model, framework)["fc.bias"]
    assert found.shape == (1000,)
    assert not np.array_equal(found, made_state(rednet(), framework)["fc.bias"])


@both
def test_a_live_net_keeps_its_classifier_to_the_bit(
    framework: FrameworkName, official: Path
) -> None:
    model = create_model("rednet26", framework=framework, num_classes=3)
    before = state_of(model, framework)
    report = load_partial(model, official)
    after = state_of(model, framework)
    assert {key for key in after if np.array_equal(after[key], before[key])} >= {
        "fc.weight",
        "fc.bias",
    }
    assert np.array_equal(after["stem.2.bias"], made_state(rednet())["stem.2.bias"])
    assert str(report).startswith(f"{official}: {len(report.loaded)} tensors loaded")
    assert "left out  head.fc.bias [1000] float32: of the classifier" in str(report)
    assert "fresh     fc.weight" in str(report)


@both
def test_another_net_is_refused_by_all_its_keys_and_nothing_changes(
    framework: FrameworkName, tmp_path: Path
) -> None:
    state = made_state(rednet(), "official")
    del state["backbone.layer1.0.bn1.weight"]
    state["backbone.layer9.weight"] = np.zeros(3, np.float32)
    path = tmp_path / "a.pth"
    write(state, path, kind="pth", framework="torch")
    model = create_model("rednet26", framework=framework, num_classes=3)
    before = state_of(model, framework)
    with pytest.raises(MappingError) as caught:
        load_partial(model, path)
    assert "missing: backbone.layer1.0.bn1.weight" in str(caught.value)
    assert "unexpected: backbone.layer9.weight" in str(caught.value)
    after = state_of(model, framework)
    assert all(np.array_equal(after[key], before[key]) for key in before)


@both
def test_a_shape_of_another_net_is_refused_before_anything_changes(
    framework: FrameworkName, tmp_path: Path
) -> None:
    path = save_as("paddle", tmp_path / "a.pdparams", rednet(stem_kernel_size=7))
    model = create_model("rednet26", framework=framework, num_classes=3)
    before = state_of(model, framework)
    with pytest.raises(MappingError, match=r"stem\.1\.conv2\.conv\.bias: shape \[98\]"):
        load_partial(model, path)
    after = state_of(model, framework)
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_a_file_of_another_shape_builds_its_own_net(tmp_path: Path) -> None:
    path = save_as("paddle", tmp_path / "a.pdparams", rednet(stem_kernel_size=7))
    model = create_model("rednet26", weights=path, num_classes=3, new_classifier=True)
    assert model.config == rednet(num_classes=3, stem_kernel_size=7)


@pytest.mark.parametrize("family", sorted(SMALLEST.keys() - {"rednet"}))
@both
def test_every_family_takes_a_new_classifier(
    family: str, framework: FrameworkName, tmp_path: Path
) -> None:
    record = SMALLEST[family]
    config = load_family(family).configure(record.variant)
    path = save_as("plain", tmp_path / "a.pth", config)
    model = create_model(
        record.name,
        framework=framework,
        weights=path,
        num_classes=4,
        new_classifier=True,
    )
    (last,) = load_family(family).classifier
    assert model.partial_load.fresh == (f"{last}.weight", f"{last}.bias")
    assert state_of(model, framework)[f"{last}.bias"].shape == (4,)


def test_a_new_classifier_needs_weights_to_leave_one_out_of() -> None:
    with pytest.raises(UsageError, match="no weights were given: every layer is new"):
        create_model("rednet26", num_classes=10, new_classifier=True)


@pytest.mark.parametrize("thing", [3, None])
def test_what_is_no_net_is_refused(thing: object) -> None:
    with pytest.raises(UsageError, match="is no net of PyTorch or Paddle"):
        load_partial(thing, "a.pth")


def test_a_net_that_is_not_ours_is_refused() -> None:
    from tests.support.frameworks import torch

    with pytest.raises(UsageError, match=r"A ReLU is no net of create_model"):
        load_partial(torch.nn.ReLU(), "a.pth")


def test_the_package_offers_the_function() -> None:
    assert ppim_port.load_partial is load_partial
