"""A recipe is checked whole, and its fingerprint sees every field that counts."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ppim_port.errors import ManifestError
from ppim_port.recipe import Recipe, recipe_from_dict
from tests.recipe.made import OFFICIAL, official

OTHER: dict[str, Any] = {
    "decoder": "pillow",
    "exif_rotation": False,
    "resize_short_side": 255,
    "long_side_rounding": "round",
    "interpolation": "bicubic",
    "antialias": True,
    "crop_size": 223,
    "crop_rounding": "floor",
    "channel_order": "bgr",
    "mean": (123.675, 116.28, 103.5300000001),
    "std": (58.395, 57.375, 57.12),
    "pixel_scale": "divide-255",
}
WRONG: dict[str, list[Any]] = {
    "decoder": ["pil", None],
    "exif_rotation": [1, "yes"],
    "resize_short_side": [0, -1, 256.0, True, "256"],
    "long_side_rounding": ["ceil"],
    "interpolation": ["lanczos", 1],
    "pixel_scale": ["255", None, 1],
    "antialias": [1, 0],
    "crop_size": [0, 257, 224.5],
    "crop_rounding": ["round"],
    "channel_order": ["RGB"],
    "mean": [[1, 2], "abc", [1, 2, float("nan")], [1, 2, "3"], [-1, 0, 0], [1, 2, 256]],
    "std": [[1, 2, 0], [0.229, 0.224, 0.225], [1, 2, 3, 4], [True, 2, 3]],
    "source": ["", " ", None],
}


def test_other_values_cover_every_field_that_counts() -> None:
    assert {f.name for f in fields(Recipe)} == {*OTHER, "name", "source"}


@pytest.mark.parametrize("field", OTHER)
def test_fingerprint_changes_with(field: str) -> None:
    recipe = official()
    before = recipe.fingerprint()
    # Past the checks: another scale has another unit of mean and std.
    object.__setattr__(recipe, field, OTHER[field])
    assert recipe.fingerprint() != before


@pytest.mark.parametrize("field", ["name", "source"])
def test_fingerprint_does_not_change_with(field: str) -> None:
    other = replace(official(), **{field: "something else"})
    assert other.fingerprint() == official().fingerprint()


def test_fingerprint_is_the_same_for_whole_and_floating_numbers() -> None:
    whole = replace(official(), mean=(1, 2, 3))
    assert whole.fingerprint() == official(mean=[1.0, 2.0, 3.0]).fingerprint()


def test_fingerprint_of_the_official_recipe_stays() -> None:
    # It stands in reports: a change here makes old and new reports incomparable.
    assert official().fingerprint() == "76e5dac3830c287e"


def test_the_manifests_recipe_is_the_one_tested_here() -> None:
    manifest = json.loads((Path(__file__).parents[2] / "weights.json").read_text())
    record = manifest["recipes"]["rednet-official"]
    recipe = recipe_from_dict("rednet-official", record)
    assert recipe.fingerprint() == official().fingerprint()


@pytest.mark.parametrize(
    ("field", "value"), [(f, v) for f, values in WRONG.items() for v in values]
)
def test_wrong_value_is_refused(field: str, value: object) -> None:
    with pytest.raises(ManifestError, match=rf"recipe 'official': .*{field}: "):
        official(**{field: value})


def test_direct_construction_is_checked_too() -> None:
    with pytest.raises(ManifestError, match="crop_size: 300 does not fit"):
        replace(official(), crop_size=300)


def test_all_problems_are_reported_at_once() -> None:
    record = OFFICIAL | {"std": [0.2, 0.2, 0.2], "colour": "rgb", "antialias": 1}
    del record["decoder"]
    with pytest.raises(ManifestError) as caught:
        recipe_from_dict("r", record)
    text = str(caught.value)
    assert "4 problem(s)" in text
    for part in (
        "decoder: missing",
        "colour: unknown field",
        "antialias: expected false or true, got 1",
        "std: expected units of 0..255",
        "No recipe was made",
    ):
        assert part in text


def test_a_name_inside_the_record_is_refused() -> None:
    with pytest.raises(ManifestError, match="name: stands in the key"):
        recipe_from_dict("a", OFFICIAL | {"name": "b"})


def test_a_recipe_can_be_a_key() -> None:
    assert {official(): 1}[official()] == 1
