"""CIFAR's recipes leave 32 pixels as they are; their numbers are restated here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eval.cifar_sets import SETS
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Transform, open_recipe
from ppim_port.state_dict import Array

RECIPES = load_manifest().recipes
Triple = tuple[float, float, float]
RGB = np.random.default_rng(10).integers(0, 256, (32, 32, 3), np.uint8)
PPM = b"P6\n32 32\n255\n" + RGB.tobytes()

NAM = (0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)
HUNDRED = (
    (0.5070751592371323, 0.48654887331495095, 0.4409178433670343),
    (0.2673342858792401, 0.2564384629170883, 0.27615047132568404),
)


def by_torch(mean: Triple, std: Triple) -> Array:
    """torchvision's ToTensor and Normalize on an array, in PyTorch's arithmetic."""
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(RGB.copy()).permute(2, 0, 1).contiguous()
    tensor = tensor.to(torch.float32).div(255)
    shift = torch.as_tensor(mean, dtype=torch.float32).view(-1, 1, 1)
    scale = torch.as_tensor(std, dtype=torch.float32).view(-1, 1, 1)
    found: Array = tensor.sub_(shift).div_(scale).numpy()
    return found


def by_mmpretrain(mean: Triple, std: Triple) -> Array:
    """Its data preprocessor: float32 of 0..255, without a scale, RGB as stored."""
    pixels = RGB.astype(np.float32).transpose(2, 0, 1)
    shift, scale = (np.array(v, np.float32).reshape(3, 1, 1) for v in (mean, std))
    found: Array = (pixels - shift) / scale
    return found


def by_keras() -> Array:
    """`train_images / 255.0`, channels first."""
    found: Array = RGB.astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return found


RESTATED: dict[str, Callable[[], Array]] = {
    "cifar10": lambda: by_torch(*NAM),
    "cifar100-nam": lambda: by_torch(*NAM),
    "cifar10-kuangliu": lambda: by_torch(
        (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    ),
    "cifar100": lambda: by_torch(*HUNDRED),
    "cifar10-mmpretrain": lambda: by_mmpretrain(
        (125.307, 122.961, 113.8575), (51.5865, 50.847, 51.255)
    ),
    "cifar100-mmpretrain": lambda: by_mmpretrain(
        (129.304, 124.070, 112.434), (68.170, 65.392, 70.418)
    ),
    "cifar10-keras": by_keras,
}


def test_every_set_knows_its_recipes_and_all_are_restated() -> None:
    known = {name for name in RECIPES if name.startswith("cifar")}
    assert {name for each in SETS.values() for name in each.recipes} == known
    assert set(RESTATED) == known


@pytest.mark.parametrize("name", RESTATED)
def test_a_picture_has_the_restatements_bits(name: str) -> None:
    found = Transform(open_recipe(name, RECIPES))(PPM)
    assert found.shape == (3, 32, 32)
    np.testing.assert_array_equal(found.view(np.int32), RESTATED[name]().view(np.int32))


@pytest.mark.parametrize("name", RESTATED)
def test_a_recipe_names_its_source(name: str) -> None:
    assert "/" in open_recipe(name, RECIPES).source
