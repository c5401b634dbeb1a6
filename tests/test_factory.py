"""A net by name, in either framework, with weights from any file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppim_port
from ppim_port import sources
from ppim_port.backends import get_backend
from ppim_port.errors import (
    CheckpointError,
    MappingError,
    MissingPackageError,
    UnknownNameError,
    UsageError,
)
from ppim_port.factory import create_model, list_models, val_transforms
from ppim_port.fetch import Fetched
from ppim_port.state_dict import FRAMEWORKS, FrameworkName
from tests.convert.made import Made, expected_state, save_as
from tests.support.fake_backend import images_of
from tests.support.frameworks import paddle, paddle_net, torch, torch_net
from tests.support.states import made_state, rednet

NETS: dict[FrameworkName, Any] = {
    "torch": torch_net.RedNet,
    "paddle": paddle_net.RedNet,
}
SAVED: tuple[Made, ...] = ("official", "paddle", "torch-safe", "paddle-safe")
ENDINGS = {"official": "pth", "paddle": "pdparams"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Made, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {
        made: save_as(made, folder / f"{made}.{ENDINGS.get(made, 'safetensors')}")
        for made in SAVED
    }


def test_models_are_listed_in_the_manifests_order() -> None:
    assert list_models()[:8] == [
        "rednet26",
        "rednet38",
        "rednet50",
        "rednet101",
        "rednet152",
        "efficientnet_lite0",
        "efficientnet_lite1",
        "efficientnet_lite2",
    ]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("made", SAVED)
def test_a_net_holds_the_weights_of_any_file(
    made: Made, framework: FrameworkName, files: dict[Made, Path]
) -> None:
    model = create_model("rednet26", framework=framework, weights=files[made])
    assert isinstance(model, NETS[framework])
    assert not model.training
    counters = 0 if made.startswith("paddle") else None
    expected = expected_state(framework, counters=counters)
    found = get_backend(framework).state(model)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_both_frameworks_give_the_same_logits(files: dict[Made, Path]) -> None:
    images = images_of(1, 64)
    logits = []
    for framework in FRAMEWORKS:
        model = create_model("rednet26", framework=framework, weights=files["paddle"])
        logits.append(get_backend(framework).predict(model, images))
    scale = np.abs(logits[0]).max()
    # float32: 6e-7 was measured (torch 2.13.0, paddlepaddle 3.3.1).
    assert np.abs(logits[0] - logits[1]).max() < 1e-5 * scale


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_without_weights_a_net_has_as_many_classes_as_asked_for(
    framework: FrameworkName,
) -> None:
    small = create_model("rednet26", framework=framework, num_classes=7)
    usual = create_model("rednet26", framework=framework)
    assert not small.training
    shapes = [tuple(model.state_dict()["fc.bias"].shape) for model in (small, usual)]
    assert shapes == [(7,), (1000,)]


def test_torch_is_the_framework_unless_said() -> None:
    assert isinstance(create_model("rednet26", num_classes=2), torch_net.RedNet)


def test_the_files_number_of_classes_is_taken(tmp_path: Path) -> None:
    path = save_as("paddle", tmp_path / "a.pdparams", rednet(num_classes=7))
    for wanted in (None, 7):
        model = create_model("rednet26", weights=path, num_classes=wanted)
        assert model.fc.out_features == 7


def test_another_number_of_classes_than_the_files_is_refused(
    files: dict[Made, Path],
) -> None:
    with pytest.raises(MappingError) as caught:
        create_model("rednet26", weights=files["official"], num_classes=7)
    assert str(caught.value) == (
        f"{files['official']}: its classifier has 1000 classes, not 7. Nothing was "
        "loaded; leave num_classes out to take the file's, or pass new_classifier=True "
        "to leave the file's out and start a new one."
    )


@pytest.mark.parametrize("count", [0, -1])
def test_a_number_of_classes_that_is_no_count_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"num_classes is {count}, expected 1 or more"):
        create_model("rednet26", num_classes=count)


def test_unknown_names_are_told_the_nearest(files: dict[Made, Path]) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean rednet26"):
        create_model("resnet26", weights=files["paddle"])
    with pytest.raises(UnknownNameError, match="Did you mean rednet50"):
        val_transforms("rednet5")
    with pytest.raises(UnknownNameError, match="Unknown framework 'jax'"):
        create_model("rednet26", framework="jax")  # type: ignore[call-overload]
    with pytest.raises(
        UnknownNameError,
        match=r"Unknown file or source of rednet26 'offical'\. Did you mean official",
    ):
        create_model("rednet26", weights="offical")


@pytest.mark.parametrize("weights", ["absent.pth", "absent/official", Path("official")])
def test_a_file_that_is_absent_is_named(weights: str | Path) -> None:
    with pytest.raises(CheckpointError, match=f"{weights} does not exist"):
        create_model("rednet26", weights=weights)


def test_an_absent_framework_is_noticed_before_the_weights_are_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "fetch_weights", None)
    monkeypatch.setitem(sys.modules, "paddle", None)
    with pytest.raises(MissingPackageError, match="paddlepaddle is not installed"):
        create_model("rednet26", framework="paddle", weights="official")


class Network:
    """Stands in for the fetching; keeps the names of the sources asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[str] = []

    def __call__(self, record: object, name: str) -> Fetched:
        self.asked.append(name)
        url = "https://a.b/c"
        return Fetched(self.path, "0" * 64, name, url, "lock", from_cache=True)


def test_a_sources_name_is_fetched(
    files: dict[Made, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(files["paddle"])
    monkeypatch.setattr(sources, "fetch_weights", network)
    model = create_model("rednet26", weights="ppim")
    assert network.asked == ["ppim"]
    bias = model.fc.bias.detach().numpy()
    assert np.array_equal(bias, made_state(rednet(), "torch")["fc.bias"])


def test_a_file_of_a_sources_name_is_not_fetched(
    files: dict[Made, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "fetch_weights", None)
    (tmp_path / "official").symlink_to(files["paddle"])
    assert isinstance(create_model("rednet26", weights="official"), torch_net.RedNet)


def test_the_package_offers_the_functions() -> None:
    assert ppim_port.create_model is create_model
    assert ppim_port.list_models is list_models
    assert ppim_port.val_transforms is val_transforms
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        ppim_port.absent  # noqa: B018 - the access is the test


def test_the_nets_are_the_frameworks_own() -> None:
    assert issubclass(torch_net.RedNet, torch.nn.Module)
    assert issubclass(paddle_net.RedNet, paddle.nn.Layer)
