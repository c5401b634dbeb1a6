"""`create_model` from any weights file, in either framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppim_port
from ppim_port import factory
from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.errors import (
    CheckpointError,
    MappingError,
    PpimError,
    UnknownNameError,
)
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Transform
from ppim_port.state_dict import FrameworkName, StateDict
from ppim_port.weights import load_weights
from tests.mapping.plans import bits
from tests.support.states import Spelling, made_state, rednet

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
both = pytest.mark.parametrize("framework", BOTH)
SMALL = rednet(num_classes=5)
FILES: dict[str, Spelling] = {"net.pth": "official", "net.pdparams": "paddle"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as the authors and as Paddle's ports publish them."""
    folder = tmp_path_factory.mktemp("weights")
    write(
        made_state(SMALL, "official"), folder / "net.pth", kind="pth", framework="torch"
    )
    write(
        made_state(SMALL, "paddle"),
        folder / "net.pdparams",
        kind="pdparams",
        framework="paddle",
    )
    return folder


def held(framework: FrameworkName, model: Any) -> StateDict:
    return get_backend(framework).state(model)


def without_counters(state: StateDict) -> StateDict:
    return {key: a for key, a in state.items() if "num_batches" not in key}


def test_models_are_listed_in_the_manifests_order() -> None:
    names = ["rednet26", "rednet38", "rednet50", "rednet101", "rednet152"]
    assert ppim_port.list_models() == names


@both
@pytest.mark.parametrize("file", FILES)
def test_any_file_loads_into_either_framework(
    file: str, framework: FrameworkName, folder: Path
) -> None:
    model = ppim_port.create_model(
        "rednet26", framework=framework, weights=folder / file
    )
    assert not model.training
    found = without_counters(held(framework, model))
    assert bits(found) == bits(without_counters(made_state(SMALL, framework)))


@both
def test_without_weights_the_net_has_the_published_classes(
    framework: FrameworkName,
) -> None:
    model = ppim_port.create_model("rednet26", framework=framework)
    assert not model.training
    assert held(framework, model)["fc.bias"].shape == (1000,)


@both
def test_classes_can_be_chosen(framework: FrameworkName) -> None:
    model = ppim_port.create_model("rednet26", framework=framework, num_classes=7)
    assert held(framework, model)["fc.bias"].shape == (7,)


def test_other_classes_than_the_files_are_refused(folder: Path) -> None:
    path = folder / "net.pth"
    with pytest.raises(MappingError, match="has 5 classes, not 1000") as caught:
        ppim_port.create_model("rednet26", weights=path, num_classes=1000)
    assert str(path) in str(caught.value)
    ppim_port.create_model("rednet26", weights=path, num_classes=5)


def test_the_files_text_path_is_taken_too(folder: Path) -> None:
    model = ppim_port.create_model("rednet26", weights=str(folder / "net.pth"))
    assert held("torch", model)["fc.bias"].shape == (5,)


def test_a_sources_name_is_fetched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Got:
        path = folder / "net.pdparams"

    asked = []

    def fetched(record: Any, source: str) -> Got:
        asked.append((record.name, source))
        return Got()

    monkeypatch.setattr(factory, "fetch_weights", fetched)
    ppim_port.create_model("rednet26", weights="ppim")
    assert asked == [("rednet26", "ppim")]


def test_a_file_comes_before_a_source_of_the_same_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ppim").write_bytes((folder / "net.pth").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(factory, "fetch_weights")
    model = ppim_port.create_model("rednet26", weights="ppim")
    assert held("torch", model)["fc.bias"].shape == (5,)


def test_the_recipes_transform_can_come_with_the_net() -> None:
    model, transform = ppim_port.create_model("rednet26", return_transforms=True)
    assert not model.training
    assert isinstance(transform, Transform)
    picture = np.zeros((300, 256, 3), np.uint8)
    again = ppim_port.val_transforms("rednet26")
    assert np.array_equal(transform(picture), again(picture))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "rednet27"}, UnknownNameError),
        ({"name": "rednet26", "framework": "jax"}, UnknownNameError),
        ({"name": "rednet26", "weights": "nowhere.pth"}, CheckpointError),
    ],
    ids=["model", "framework", "file"],
)
def test_a_wrong_request_is_refused(options: Any, error: type[PpimError]) -> None:
    with pytest.raises(error):
        ppim_port.create_model(**options)


def test_weights_of_another_variant_are_refused(folder: Path) -> None:
    with pytest.raises(MappingError, match="do not fit rednet50"):
        ppim_port.create_model("rednet50", weights=folder / "net.pth")


@both
def test_weights_that_are_not_finite_are_refused_with_their_keys(
    framework: FrameworkName, tmp_path: Path
) -> None:
    state, path = made_state(SMALL, "paddle"), tmp_path / "net.pdparams"
    state["fc.bias"][3] = np.nan
    write(state, path, kind="pdparams", framework="paddle")
    record = load_manifest().model("rednet26")
    with pytest.raises(CheckpointError, match=r"NaN or infinities in fc\.bias") as got:
        load_weights(path, record, framework=framework)
    assert str(path) in str(got.value)


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'create_net'"):
        _ = ppim_port.create_net
