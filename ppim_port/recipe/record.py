"""A recipe is checked whole when it is made, and two equal ones share a fingerprint.

Refused, all problems in one error: unknown and missing fields, values outside the
closed choices, and mean/std that cannot be in 0..255 units, because each of them
moves accuracy by up to ten points without any other sign. Refused too: antialias
true, because OpenCV's resize has no antialiasing and ignoring the field would lie.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, cast

from ppim_port.errors import ManifestError

Triple: TypeAlias = tuple[float, float, float]
LongSideRounding: TypeAlias = Literal["floor", "round"]
Interpolation: TypeAlias = Literal["bilinear", "bicubic", "area", "nearest"]
CropRounding: TypeAlias = Literal["half-even", "floor", "half-up"]
ChannelOrder: TypeAlias = Literal["rgb", "bgr"]

_CHOICES: dict[str, tuple[object, ...]] = {
    "decoder": ("opencv",),
    "exif_rotation": (True, False),
    "long_side_rounding": ("floor", "round"),
    "interpolation": ("bilinear", "bicubic", "area", "nearest"),
    "antialias": (False,),
    "crop_rounding": ("half-even", "floor", "half-up"),
    "channel_order": ("rgb", "bgr"),
}
_NOT_ARITHMETIC = ("name", "source")
_FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the numbers which a net sees for a picture file.

    Attributes:
        name: what the manifest calls it.
        decoder: "opencv", to 8-bit BGR (`IMREAD_COLOR`).
        exif_rotation: turn the picture as its EXIF orientation says.
        resize_short_side: pixels of the shorter side after the resize.
        long_side_rounding: how the longer side becomes whole: "floor" (mmcls's
            `int()`) or "round" (Python's, half to even).
        interpolation: OpenCV's INTER_LINEAR, INTER_CUBIC, INTER_AREA, INTER_NEAREST.
        antialias: false; OpenCV's resize has none.
        crop_size: pixels of the square centre crop.
        crop_rounding: of the offset (side - crop) / 2; "half-even" is `round()`.
        channel_order: of the tensor's first axis, and of mean and std.
        mean: subtracted from each channel, in units of 0..255.
        std: divides each channel after that, in units of 0..255.
        source: where these values were read.

    Raises:
        ManifestError: a value is out of its range; all such values are named.
    """

    name: str
    decoder: Literal["opencv"]
    exif_rotation: bool
    resize_short_side: int
    long_side_rounding: LongSideRounding
    interpolation: Interpolation
    antialias: bool
    crop_size: int
    crop_rounding: CropRounding
    channel_order: ChannelOrder
    mean: Triple
    std: Triple
    source: str

    def __post_init__(self) -> None:
        _refuse(self.name, _problems(_as_dict(self)))

    def fingerprint(self) -> str:
        """16 hex digits of the sha256 of every field but `name` and `source`."""
        facts = _as_dict(self)
        for key in _NOT_ARITHMETIC:
            del facts[key]
        # 116 and 116.0 are the same mean and must not make two fingerprints.
        facts.update(mean=[float(v) for v in self.mean])
        facts.update(std=[float(v) for v in self.std])
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def recipe_from_dict(name: str, mapping: Mapping[str, object]) -> Recipe:
    """Make the recipe `name` of a manifest record, which holds every field but `name`.

    Raises:
        ManifestError: missing, unknown or impossible fields, all in one error.
    """
    given = {"name": name, **mapping}
    known = [field.name for field in fields(Recipe)]
    found = [f"{key}: missing" for key in known if key not in given]
    found += [f"{key}: unknown field" for key in given if key not in known]
    found += ["name: stands in the key, not in the record"] * ("name" in mapping)
    _refuse(name, found + _problems(given))
    for key in ("mean", "std"):
        given[key] = tuple(float(v) for v in cast("list[float]", given[key]))
    return Recipe(**given)  # type: ignore[arg-type]  # _problems has checked each type


def _as_dict(recipe: Recipe) -> dict[str, object]:
    return {field.name: getattr(recipe, field.name) for field in fields(recipe)}


def _refuse(name: str, problems: list[str]) -> None:
    if problems:
        msg = (
            f"recipe {name!r}: {len(problems)} problem(s): {'; '.join(problems)}. "
            f"No recipe was made. Fix the record in the manifest."
        )
        raise ManifestError(msg)


def _problems(given: Mapping[str, object]) -> list[str]:
    """Every wrong value among the fields that are present."""
    found = [_choice(key, given[key]) for key in _CHOICES if key in given]
    found += [check(key, given[key]) for key, check in _CHECKS.items() if key in given]
    found.append(_crop_fits(given))
    return [text for text in found if text]


def _choice(key: str, value: object) -> str:
    choices = _CHOICES[key]
    # 1 == True, so equality alone would let numbers pass for booleans.
    if any(value == choice and type(value) is type(choice) for choice in choices):
        return ""
    wanted = " or ".join(json.dumps(choice) for choice in choices)
    why = ": OpenCV's resize has no antialiasing" if key == "antialias" else ""
    return f"{key}: expected {wanted}, got {value!r}{why}"


def _text(key: str, value: object) -> str:
    fine = isinstance(value, str) and value.strip()
    return "" if fine else f"{key}: expected a text that is not empty, got {value!r}"


def _size(key: str, value: object) -> str:
    fine = type(value) is int and value > 0
    return "" if fine else f"{key}: expected a whole number of pixels, got {value!r}"


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast("float", value))


def _is_triple(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(map(_is_number, value))
    )


def _mean(key: str, value: object) -> str:
    if not _is_triple(value):
        return f"{key}: expected three finite numbers, got {value!r}"
    fine = all(0 <= v <= 255 for v in cast("Triple", value))
    return "" if fine else f"{key}: expected units of 0..255, got {value!r}"


def _std(key: str, value: object) -> str:
    if not _is_triple(value):
        return f"{key}: expected three finite numbers, got {value!r}"
    # A spread of under one grey level means units of 0..1: multiply by 255.
    fine = all(1 <= v <= 255 for v in cast("Triple", value))
    return "" if fine else f"{key}: expected units of 0..255 (1 to 255), got {value!r}"


def _crop_fits(given: Mapping[str, object]) -> str:
    crop, side = given.get("crop_size"), given.get("resize_short_side")
    if type(crop) is int and type(side) is int and crop > side:
        return f"crop_size: {crop} does not fit into resize_short_side {side}"
    return ""


_CHECKS: dict[str, Callable[[str, object], str]] = {
    "name": _text,
    "source": _text,
    "resize_short_side": _size,
    "crop_size": _size,
    "mean": _mean,
    "std": _std,
}
