"""What a recipe's fields may hold; every wrong value is told, none is mended."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import cast

_CHOICES: dict[str, tuple[object, ...]] = {
    "decoder": ("opencv", "pillow"),
    "exif_rotation": (True, False),
    "long_side_rounding": ("floor", "round"),
    "interpolation": ("bilinear", "bicubic", "area", "nearest"),
    "antialias": (False, True),
    "crop_rounding": ("half-even", "floor", "half-up"),
    "channel_order": ("rgb", "bgr"),
    "pixel_scale": ("none", "divide-255", "multiply-1/255"),
}


def problems(given: Mapping[str, object]) -> list[str]:
    """Every wrong value among the fields that are present."""
    found = [_choice(key, given[key]) for key in _CHOICES if key in given]
    found += [check(key, given[key]) for key, check in _CHECKS.items() if key in given]
    limit = 255.0 if given.get("pixel_scale", "none") == "none" else 1.0
    found += [_mean(given["mean"], limit) if "mean" in given else ""]
    found += [_std(given["std"], limit) if "std" in given else ""]
    found += [_crop_fits(given), _can_antialias(given)]
    return [text for text in found if text]


def _choice(key: str, value: object) -> str:
    choices = _CHOICES[key]
    # 1 == True, so equality alone would let numbers pass for booleans.
    if any(value == choice and type(value) is type(choice) for choice in choices):
        return ""
    wanted = " or ".join(json.dumps(choice) for choice in choices)
    return f"{key}: expected {wanted}, got {value!r}"


def _text(key: str, value: object) -> str:
    fine = isinstance(value, str) and value.strip()
    return "" if fine else f"{key}: expected a text that is not empty, got {value!r}"


def _size(key: str, value: object) -> str:
    fine = type(value) is int and value > 0
    return "" if fine else f"{key}: expected a whole number of pixels, got {value!r}"


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast("float", value))


def _triple(value: object) -> list[float]:
    """Three finite numbers, or nothing."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        return []
    return list(value) if all(map(_is_number, value)) else []


def _mean(value: object, limit: float) -> str:
    numbers = _triple(value)
    if not numbers:
        return f"mean: expected three finite numbers, got {value!r}"
    fine = all(0 <= v <= limit for v in numbers)
    return "" if fine else f"mean: expected units of 0..{limit:g}, got {value!r}"


def _std(value: object, limit: float) -> str:
    numbers = _triple(value)
    if not numbers:
        return f"std: expected three finite numbers, got {value!r}"
    # A spread of under one grey level means the other units: scale by 255.
    least = limit / 255
    if all(least <= v <= limit for v in numbers):
        return ""
    return (
        f"std: expected units of 0..{limit:g} ({least:.3g} to {limit:g}), got {value!r}"
    )


def _crop_fits(given: Mapping[str, object]) -> str:
    crop, side = given.get("crop_size"), given.get("resize_short_side")
    if type(crop) is int and type(side) is int and crop > side:
        return f"crop_size: {crop} does not fit into resize_short_side {side}"
    return ""


def _can_antialias(given: Mapping[str, object]) -> str:
    kind = given.get("interpolation")
    if given.get("antialias") is True and kind not in ("bilinear", "bicubic"):
        return (
            'antialias: true goes with interpolation "bilinear" or "bicubic" alone, '
            f"got {kind!r}"
        )
    return ""


_CHECKS: dict[str, Callable[[str, object], str]] = {
    "name": _text,
    "source": _text,
    "resize_short_side": _size,
    "crop_size": _size,
}
