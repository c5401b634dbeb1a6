"""A recipe is checked whole when it is made, and two equal ones share a fingerprint.

Refused, all problems in one error: unknown and missing fields, values outside the
closed choices, and mean/std that cannot be in the units of the scaled pixels, because
each of them moves accuracy by up to ten points without any other sign. Refused too:
antialias with an interpolation that Pillow, who does it, does not have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, cast

from ppim_port.errors import ManifestError
from ppim_port.recipe.rules import problems

Triple: TypeAlias = tuple[float, float, float]
Decoder: TypeAlias = Literal["opencv", "pillow"]
LongSideRounding: TypeAlias = Literal["floor", "round"]
Interpolation: TypeAlias = Literal["bilinear", "bicubic", "area", "nearest"]
CropRounding: TypeAlias = Literal["half-even", "floor", "half-up"]
ChannelOrder: TypeAlias = Literal["rgb", "bgr"]
PixelScale: TypeAlias = Literal["none", "divide-255", "multiply-1/255"]

_NOT_ARITHMETIC = ("name", "source")
_CAME_LATER: Mapping[str, object] = {"pixel_scale": "none"}
_FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the numbers which a net sees for a picture file.

    Attributes:
        name: what the manifest calls it.
        decoder: "opencv" (`IMREAD_COLOR`) or "pillow" (`convert("RGB")`), to 8 bit.
        exif_rotation: turn the picture as its EXIF orientation says.
        resize_short_side: pixels of the shorter side after the resize.
        long_side_rounding: how the longer side becomes whole: "floor" (`int()` of
            side * long / short) or "round" (Python's, half to even).
        interpolation: OpenCV's INTER_LINEAR, INTER_CUBIC, INTER_AREA, INTER_NEAREST;
            with antialias, Pillow's BILINEAR or BICUBIC.
        antialias: whether shrinking averages over all pixels that it covers: Pillow's
            resize does, OpenCV's does not.
        crop_size: pixels of the square centre crop.
        crop_rounding: of the offset (side - crop) / 2; "half-even" is `round()`.
        channel_order: of the tensor's first axis, and of mean and std.
        mean: subtracted from each scaled channel: in units of 0..255 without a
            scale, of 0..1 with one.
        std: divides each channel after that, in the same units.
        source: where these values were read.
        pixel_scale: how 0..255 becomes 0..1 before the mean is taken off: "none" (it
            stays), "divide-255" (torchvision), "multiply-1/255" (PaddleClas).

    Raises:
        ManifestError: a value is out of its range; all such values are named.
    """

    name: str
    decoder: Decoder
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
    pixel_scale: PixelScale = "none"

    def __post_init__(self) -> None:
        _refuse(self.name, problems(_as_dict(self)))

    @property
    def needs_pillow(self) -> bool:
        """Whether Pillow decodes or resizes."""
        return self.decoder == "pillow" or self.antialias

    def fingerprint(self) -> str:
        """16 hex digits of the sha256 of every field but `name` and `source`.

        A field that came later counts where it is not its default, so that older
        fingerprints stay.
        """
        facts = _as_dict(self)
        for key in _NOT_ARITHMETIC:
            del facts[key]
        for key, default in _CAME_LATER.items():
            if facts[key] == default:
                del facts[key]
        # 116 and 116.0 are the same mean and must not make two fingerprints.
        facts.update(mean=[float(v) for v in self.mean])
        facts.update(std=[float(v) for v in self.std])
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def recipe_from_dict(name: str, mapping: Mapping[str, object]) -> Recipe:
    """Make the recipe `name` of a record, which holds every field but `name`.

    `pixel_scale` may be left out: it is "none" then.

    Raises:
        ManifestError: missing, unknown or impossible fields, all in one error.
    """
    given = {"name": name, **_CAME_LATER, **mapping}
    known = [field.name for field in fields(Recipe)]
    found = [f"{key}: missing" for key in known if key not in given]
    found += [f"{key}: unknown field" for key in given if key not in known]
    found += ["name: stands in the key, not in the record"] * ("name" in mapping)
    _refuse(name, found + problems(given))
    for key in ("mean", "std"):
        given[key] = tuple(float(v) for v in cast("list[float]", given[key]))
    return Recipe(**given)  # type: ignore[arg-type]  # problems() has checked each type


def _as_dict(recipe: Recipe) -> dict[str, object]:
    return {field.name: getattr(recipe, field.name) for field in fields(recipe)}


def _refuse(name: str, found: list[str]) -> None:
    if found:
        msg = (
            f"recipe {name!r}: {len(found)} problem(s): {'; '.join(found)}. "
            f"No recipe was made. Fix the record."
        )
        raise ManifestError(msg)
