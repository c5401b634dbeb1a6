"""Heat maps are the kernels' sums, as plain numpy has them, in both frameworks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.kernels import KernelMap, chosen, kernel_maps, tiles
from eval.see_kernels import Sight, maps_of, see_kernels
from ppim_port.backends import get_backend
from ppim_port.backends.layers import Call, LayerDescription
from ppim_port.errors import (
    ImageError,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName
from tests.eval.made import DEMO
from tests.support.fake_backend import images_of
from tests.support.states import made_state, rednet

# float32 against float64 on kernel values near 1, in a net of 26 layers: 4e-7 seen.
ROUNDING = 1e-5
PICTURE = min(DEMO.glob("*.png"), default=min(DEMO.iterdir()))


def conv1x1(x: Array, weight: Array) -> Array:
    found: Array = np.einsum("oi,ihw->ohw", weight[:, :, 0, 0], x)
    return found


def sums_by_hand(x: Array, state: dict[str, Array], each: KernelMap) -> Array:
    """Pool, convolve, normalise, clip, convolve; then add up, one kernel at a time."""
    layer, groups, step = each.layer, each.groups, each.stride
    channels, height, width = x.shape
    pooled = x.reshape(channels, height // step, step, width // step, step)
    hidden = conv1x1(pooled.mean(axis=(2, 4)), state[f"{layer}.conv1.conv.weight"])
    scale, shift, mean, var = (
        state[f"{layer}.conv1.bn.{leaf}"][:, None, None]
        for leaf in ("weight", "bias", "running_mean", "running_var")
    )
    hidden = np.maximum((hidden - mean) / np.sqrt(var + 1e-5) * scale + shift, 0)
    kernels = conv1x1(hidden, state[f"{layer}.conv2.conv.weight"])
    kernels += state[f"{layer}.conv2.conv.bias"][:, None, None]
    taps = len(kernels) // groups
    return np.array(
        [
            sum(kernels[group * taps + tap] for tap in range(taps))
            for group in range(groups)
        ]
    )


def live(framework: FrameworkName) -> tuple[Any, Any]:
    backend = get_backend(framework)
    net = backend.build(rednet(num_classes=10))
    backend.load(net, made_state(rednet(num_classes=10), framework))
    return backend, net


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_map_is_the_sum_of_its_kernels(framework: FrameworkName) -> None:
    backend, net = live(framework)
    images = images_of(1, 64)
    maps = maps_of(backend, net, images)
    calls = backend.trace(net, images)
    state = {
        key: value.astype(np.float64)
        for key, value in made_state(rednet(num_classes=10), "torch").items()
    }
    assert [m.layer for m in maps] == [
        *("stem.1", "layer1.0.conv2", "layer2.0.conv2", "layer2.1.conv2"),
        *(f"layer3.{block}.conv2" for block in range(4)),
        "layer4.0.conv2",
    ]
    assert [m.groups for m in maps] == [2, 4, 8, 8, 16, 16, 16, 16, 32]
    assert [m.stride for m in maps] == [1, 1, 2, 1, 2, 1, 1, 1, 2]
    assert [m.kernel_size for m in maps] == [3, *[7] * 8]
    assert [m.sums.shape[1] for m in maps] == [32, 16, 8, 8, 4, 4, 4, 4, 2]
    for each in maps:
        given = calls[each.layer].inputs[0][0].astype(np.float64)
        by_hand = sums_by_hand(given, state, each)
        np.testing.assert_allclose(each.sums, by_hand, rtol=0, atol=ROUNDING)
        np.testing.assert_allclose(each.mean, by_hand.mean(0), rtol=0, atol=ROUNDING)


def test_the_frameworks_show_the_same() -> None:
    torch, paddle = (maps_of(*live(name), images_of(1, 64)) for name in FRAMEWORKS)
    for ours, theirs in zip(torch, paddle, strict=True):
        assert ours.layer == theirs.layer
        np.testing.assert_allclose(ours.sums, theirs.sums, rtol=0, atol=ROUNDING)


INVOLUTION = LayerDescription(
    "involution", {"kernel": 3, "stride": 1, "groups": 2}, "Involution"
)


def call(layer: str, output: Array) -> Call:
    return Call(layer, (), output)


def kernels(count: int = 1, values: int = 18) -> Array:
    rng = np.random.default_rng(3)
    return rng.standard_normal((count, values, 4, 5)).astype(np.float32)


def test_a_layer_used_twice_is_shown_twice() -> None:
    first, second = kernels(), kernels() + 1
    calls = {
        "a.conv2": call("a.conv2", first),
        "a": call("a", first),
        "a.conv2 (use 2)": call("a.conv2", second),
        "b.conv2": call("b.conv2", first),
    }
    layers = {"a": INVOLUTION, "b": LayerDescription("conv", {}, "Conv2d")}
    maps = kernel_maps(layers, calls)
    assert [m.layer for m in maps] == ["a", "a (use 2)"]
    np.testing.assert_allclose(maps[1].sums - maps[0].sums, 9, atol=1e-5)
    assert maps[0].sums.dtype == np.float64


def test_a_net_without_involutions_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no involution.*such as rednet26"):
        kernel_maps({"a": LayerDescription("conv", {}, "Conv2d")}, {})


@pytest.mark.parametrize(
    ("output", "error", "match"),
    [
        (kernels(2), UsageError, "a: kernels of 2 pictures"),
        (kernels(1, 17), VerificationError, "17 kernel values .* 2 groups of 3 x 3"),
        (kernels() * np.float32("nan"), VerificationError, "a: its .* not all finite"),
    ],
)
def test_what_are_no_kernels_is_refused(
    output: Array, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        kernel_maps({"a": INVOLUTION}, {"a.conv2": call("a.conv2", output)})


def made(layer: str, groups: int = 2) -> KernelMap:
    values = np.arange(groups * 6, dtype=np.float64).reshape(groups, 2, 3)
    return KernelMap(layer, 7, 2, values)


MAPS = (made("stem.1"), made("layer1.0.conv2", 4), made("layer11.0.conv2", 4))


def test_layers_are_chosen_by_name_or_by_what_it_starts_with() -> None:
    assert chosen(MAPS, None) == MAPS
    assert chosen(MAPS, ["layer1"]) == MAPS[1:2]
    assert chosen(MAPS, ["layer11.0.conv2", "stem"]) == (MAPS[0], MAPS[2])
    with pytest.raises(UnknownNameError, match=r"Unknown involution 'layer1\.1'"):
        chosen(MAPS, ["layer1.1"])


def test_groups_are_meant_all_or_some() -> None:
    (mean,) = tiles(MAPS[:1])
    assert (mean.name, mean.facts) == ("stem.1", "7x7 stride 2, 2 x 3, 3 to 8")
    np.testing.assert_array_equal(mean.values, np.arange(3.0, 9).reshape(2, 3))
    every = tiles(MAPS[:2], "all")
    assert [t.name for t in every] == [
        *("stem.1 group 0", "stem.1 group 1"),
        *(f"layer1.0.conv2 group {number}" for number in range(4)),
    ]
    np.testing.assert_array_equal(tiles(MAPS[1:2], "3,0")[0].values, MAPS[1].sums[3])


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        ("2", r"stem.1 has the groups 0\.\.1, not 2"),
        ("1,two", "expected mean, all, or numbers"),
        ("-1", "expected mean, all, or numbers"),
        ("", "expected mean, all, or numbers"),
    ],
)
def test_groups_that_are_not_there_are_refused(groups: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        tiles(MAPS, groups)


def test_a_picture_by_its_file(made_weights: Path) -> None:
    seen = see_kernels(Sight("rednet26", PICTURE, "torch", made_weights))
    assert seen.picture.shape == (224, 224, 3)
    assert (seen.recipe, len(seen.maps)) == ("rednet-official", 9)


def test_a_file_that_is_no_picture_is_told_before_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"none")
    with pytest.raises(ImageError, match=r"x\.png"):
        see_kernels(Sight("rednet26", path, "torch", tmp_path / "no weights"))
