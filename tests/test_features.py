"""Feature maps for necks: those of the classification net, and others on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppim_port
from ppim_port.backends import Precision, get_backend
from ppim_port.errors import InputSizeError, UsageError
from ppim_port.factory import create_model
from ppim_port.features import create_features
from ppim_port.manifest import load_manifest
from ppim_port.models.family import load_family
from ppim_port.models.features import FeatureInfo, FeatureOptions
from ppim_port.partial import load_partial
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName
from tests.convert.made import save_as
from tests.support.fake_backend import images_of
from tests.support.frameworks import paddle, torch
from tests.support.nets import PARITY
from tests.support.states import made_state, rednet

# Every batch norm of Paddle that trains warns of it (paddlepaddle 3.3.1).
pytestmark = pytest.mark.filterwarnings(
    "ignore:When training, we now always track:UserWarning"
)
both = pytest.mark.parametrize("framework", FRAMEWORKS)
# The usual setting for segmentation: an eighth of the picture, not a 32nd.
DILATED = FeatureOptions(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
OTHERS = ["resnet18_nam", "resnet18_nam_imagenet", "resnet50_sac"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On several, PyTorch's sums have no fixed order; and these maps are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_as("official", tmp_path_factory.mktemp("files") / "official.pth")


def called(model: Any, framework: FrameworkName, images: Array) -> Any:
    """Not by the backend: that one runs on another number of threads."""
    if framework == "torch":
        with torch.no_grad():
            return model(torch.from_numpy(images))
    with paddle.no_grad():
        return model(paddle.to_tensor(images))


def maps_of(model: Any, framework: FrameworkName, images: Array) -> list[Array]:
    return [np.array(x.numpy()) for x in called(model, framework, images)]


def classifiers_maps(
    model: Any, framework: FrameworkName, images: Array
) -> list[Array]:
    """What the stages of a classification net hand on, by the framework's hooks."""
    found: list[Array] = []
    for at in range(1, 5):
        layer = getattr(model, f"layer{at}")
        hook = getattr(layer, "register_forward_post_hook", None)
        hook = hook or layer.register_forward_hook
        hook(lambda _layer, _x, out: found.append(np.array(out.detach().numpy())))
    called(model, framework, images)
    return found


def built(
    framework: FrameworkName, options: FeatureOptions, precision: Precision
) -> Any:
    backend = get_backend(framework)
    model = backend.build_features(rednet(), options, precision=precision)
    state = made_state(rednet(), framework)
    backend.load(model, {k: v for k, v in state.items() if not k.startswith("fc.")})
    return model


@both
def test_usual_maps_are_the_classification_nets_bit_for_bit(
    framework: FrameworkName, official: Path
) -> None:
    images = images_of(1, 96)
    features = create_features("rednet26", framework=framework, weights=official)
    whole = create_model("rednet26", framework=framework, weights=official)
    found = maps_of(features, framework, images)
    expected = classifiers_maps(whole, framework, images)
    assert [x.shape for x in found] == [
        (1, 256, 24, 24),
        (1, 512, 12, 12),
        (1, 1024, 6, 6),
        (1, 2048, 3, 3),
    ]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not features.training


@pytest.mark.parametrize("name", OTHERS)
@both
def test_other_families_maps_are_their_classification_nets(
    framework: FrameworkName, name: str
) -> None:
    record = load_manifest().model(name)
    config = load_family(record.family).configure(record.variant)
    backend = get_backend(framework)
    # Made-up weights overflow float32 in ResNet-SAC.
    whole = backend.build(config, precision="float64")
    features = backend.build_features(config, FeatureOptions(), precision="float64")
    state = made_state(config, framework)
    backend.load(whole, state)
    backend.load(features, {k: v for k, v in state.items() if not k.startswith("fc.")})
    images = images_of(1, 96).astype(np.float64)
    found = maps_of(features, framework, images)
    expected = classifiers_maps(whole, framework, images)
    assert all(np.isfinite(x).all() for x in found)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    infos = features.feature_info
    assert [x.shape[1] for x in found] == [info.channels for info in infos]
    assert [96 // x.shape[2] for x in found] == [info.reduction for info in infos]


@both
def test_keys_are_the_classification_nets_without_its_classifier(
    framework: FrameworkName,
) -> None:
    whole = list(create_model("rednet26", framework=framework).state_dict())
    plain = list(create_features("rednet26", framework=framework).state_dict())
    dilated = create_features(
        "rednet26", framework=framework, strides=(2, 1, 1, 1), dilations=(4, 3, 2, 1)
    )
    assert plain == [key for key in whole if not key.startswith("fc.")]
    assert list(dilated.state_dict()) == plain


@pytest.mark.parametrize("size", [64, 61])
def test_both_frameworks_give_the_same_dilated_maps(size: int) -> None:
    images = images_of(1, size).astype(np.float64)
    torchs, paddles = (
        maps_of(built(name, DILATED, "float64"), name, images) for name in FRAMEWORKS
    )
    assert [x.shape[2] for x in torchs] == [16, 8, 8, 8]
    for found, reference in zip(torchs, paddles, strict=True):
        assert np.abs(found - reference).max() < PARITY * np.abs(reference).max()


def test_dilation_changes_the_maps_of_its_stages_alone() -> None:
    images = images_of(1, 64)
    plain = FeatureOptions(strides=DILATED.strides)
    found, reference = (
        maps_of(built("torch", options, "float32"), "torch", images)
        for options in (DILATED, plain)
    )
    same = [np.array_equal(a, b) for a, b in zip(found, reference, strict=True)]
    assert same == [True, True, False, False]


@both
def test_maps_are_told_and_come_in_a_tuple(framework: FrameworkName) -> None:
    model = create_features(
        "rednet26",
        framework=framework,
        out_indices=[1, 3],
        strides=[1, 2, 1, 1],
        dilations=[1, 1, 2, 4],
    )
    assert model.feature_info == (
        FeatureInfo(index=1, name="layer2", channels=512, reduction=8),
        FeatureInfo(index=3, name="layer4", channels=2048, reduction=8),
    )
    found = maps_of(model, framework, images_of(1, 32))
    assert [x.shape for x in found] == [(1, 512, 4, 4), (1, 2048, 4, 4)]


@both
def test_later_stages_do_not_run_and_ask_for_no_sizes(framework: FrameworkName) -> None:
    model = create_features("rednet26", framework=framework, out_indices=(0,))
    model.layer2 = None
    (found,) = maps_of(model, framework, images_of(1, 37))
    assert found.shape == (1, 256, 10, 10)


@both
def test_sizes_that_the_strides_do_not_fit_are_refused(
    framework: FrameworkName,
) -> None:
    model = create_features("rednet26", framework=framework, strides=(1, 2, 1, 1))
    with pytest.raises(InputSizeError) as caught:
        maps_of(model, framework, images_of(1, 42))
    assert str(caught.value) == (
        "RedNet cannot take images of 42x42: each side must be 8k-3 to 8k pixels "
        "(5..8, 13..16, ...), as in the official net. Nearest to 42: 37..40."
    )


@both
def test_frozen_stages_and_norm_eval_hold_in_training(
    framework: FrameworkName, official: Path
) -> None:
    model = create_features(
        "rednet26",
        framework=framework,
        weights=official,
        frozen_stages=1,
        norm_eval=True,
    )
    model.train()
    images = images_of(2, 32)
    tensor = torch.from_numpy(images) if framework == "torch" else paddle.to_tensor
    maps = model(tensor if framework == "torch" else tensor(images))
    sum(x.square().mean() for x in maps).backward()
    named = dict(model.named_parameters())
    given = {name for name, p in named.items() if p.grad is not None}
    assert given == {
        name
        for name in named
        if not name.startswith(("stem.", "layer1."))
        and not name.endswith(("._mean", "._variance"))
    }
    expected = made_state(rednet(), framework)
    state = get_backend(framework).state(model)
    assert all(np.array_equal(state[key], expected[key]) for key in state)


@both
def test_the_classifier_is_left_out_and_listed(
    framework: FrameworkName, official: Path
) -> None:
    model = create_features("rednet26", framework=framework, weights=official)
    report = model.partial_load
    assert report == load_partial(model, official)
    assert report.fresh == ()
    assert [x.key for x in report.left_out[-2:]] == ["head.fc.weight", "head.fc.bias"]
    assert set(report.loaded) == set(model.state_dict())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"out_indices": ()}, "out_indices is (), expected rising numbers of"),
        ({"out_indices": (3, 1)}, "out_indices is (3, 1)"),
        ({"out_indices": (0, 4)}, "out_indices is (0, 4)"),
        ({"strides": (1, 2, 2)}, "strides is (1, 2, 2), expected 4 numbers from 1"),
        ({"dilations": (1, 1, 1, 0)}, "dilations is (1, 1, 1, 0)"),
        ({"frozen_stages": 5}, "frozen_stages is 5, expected -1 to 4"),
    ],
)
def test_features_that_no_net_can_have_are_refused(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        create_features("rednet26", **options)
    assert text in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError, match=r"out_indices .*; strides .*; frozen_stages "):
        create_features("rednet26", out_indices=(), strides=(1,), frozen_stages=-2)


def test_a_family_without_features_is_refused_and_others_are_named() -> None:
    with pytest.raises(UsageError) as caught:
        create_features("efficientnet_lite0")
    assert str(caught.value) == (
        "efficientnet_lite0 is of efficientnet_lite, which gives no features; rednet "
        "and resnet_nam and resnet_sac do."
    )


def test_other_strides_than_the_published_are_rednets_alone() -> None:
    with pytest.raises(UsageError, match=r"rednet's can have others\."):
        create_features("resnet18_nam", strides=(1, 2, 1, 1))


def test_the_package_offers_the_function() -> None:
    assert ppim_port.create_features is create_features
