"""Real weights on real validation pictures give the counts that others found.

The samples' own notes state 28 right with a bicubic Pillow recipe, 27 with OpenCV's
bilinear resize, and 39 among the first five.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ppim_port.manifest import load_manifest
from ppim_port.recipe import Recipe, Transform, recipe_from_dict
from ppim_port.state_dict import FrameworkName
from tests.support.lite import real_net
from tests.support.shared import SHARED, needs_shared

pytestmark = needs_shared
FOLDER = SHARED / "imagenet-sample"


def recipe_of(variant: str) -> Recipe:
    manifest = load_manifest()
    name = manifest.model(f"efficientnet_lite{variant}").recipe
    return recipe_from_dict(name, manifest.recipes[name])


@cache
def counts(variant: str, framework: FrameworkName, recipe: Recipe) -> tuple[int, int]:
    """Right first classes, and right among the first five, of the 42 pictures."""
    backend, model = real_net(variant, framework)
    transform = Transform(recipe)
    lines = (FOLDER / "val_list.txt").read_text().splitlines()
    found = [0, 0]
    for name, label in (line.split() for line in lines):
        logits = backend.predict(model, transform(FOLDER / "val" / name)[np.newaxis])
        best = np.argsort(-logits[0])[:5]
        found[0] += best[0] == int(label)
        found[1] += int(label) in best
    assert len(lines) == 42
    return found[0], found[1]


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_28_and_39_of_42_pictures_with_bicubic_pillow(framework: FrameworkName) -> None:
    assert counts("0", framework, recipe_of("0")) == (28, 39)


def test_27_and_39_of_42_pictures_with_bilinear_opencv() -> None:
    other = replace(
        recipe_of("0"), decoder="opencv", antialias=False, interpolation="bilinear"
    )
    assert counts("0", "torch", other) == (27, 39)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "expected"), [("0", (28, 39)), ("1", (29, 40)), ("2", (27, 41))]
)
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_every_variant_keeps_its_counts(
    variant: str, framework: FrameworkName, expected: tuple[int, int]
) -> None:
    assert counts(variant, framework, recipe_of(variant)) == expected
