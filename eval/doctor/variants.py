"""The single mistakes that are tried, each a change of one thing.

A variant changes the recipe, the tensors that the net gets, the weights, or the labels;
never two of them, so that the one which explains a run names its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from eval.doctor import labels, statistics, units
from ppim_port.errors import ManifestError
from ppim_port.recipe import Recipe
from ppim_port.state_dict import Array, StateDict


@dataclass(frozen=True, slots=True)
class Variant:
    """A net or its input with one thing changed; None leaves that as it is.

    Attributes:
        name: short, for tables and scripts.
        cause: what went wrong if this explains the run.
        recipe: what the pictures are preprocessed with.
        tensors: changes normalised float32 `[N, 3, H, W]`.
        state: changes the weights.
        labels: the faulty label of each right one.
    """

    name: str
    cause: str
    recipe: Recipe | None = None
    tensors: Callable[[Array], Array] | None = None
    state: Callable[[StateDict], StateDict] | None = None
    labels: tuple[int, ...] | None = None


AS_IS = Variant("as-is", "nothing: the run is reproduced as it is")


def variants(
    recipe: Recipe, classes: int, epsilon: float | None = None
) -> list[Variant]:
    """Everything that is tried, `AS_IS` first.

    Args:
        recipe: the right one.
        classes: how many logits the net gives.
        epsilon: of the net's batch norms; None if it has no single one.
    """
    return [
        AS_IS,
        *_recipes(recipe),
        *_units(recipe),
        *_weights(epsilon),
        *_labels(classes),
    ]


def _recipes(recipe: Recipe) -> Iterator[Variant]:
    """Changes of the recipe that are changes, and that the recipe's rules allow."""
    for name, cause, change in _recipe_changes(recipe):
        try:
            changed = replace(recipe, name=name, **change)
        except ManifestError:
            continue
        if changed.fingerprint() != recipe.fingerprint():
            yield Variant(name, cause, recipe=changed)


def _recipe_changes(
    recipe: Recipe,
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    other = "bgr" if recipe.channel_order == "rgb" else "rgb"
    turned = recipe.mean[::-1], recipe.std[::-1]
    yield "channels", "red and blue are swapped", {"channel_order": other}
    yield (
        "channels-and-mean",
        "red and blue are swapped, mean and std with them",
        {"channel_order": other, "mean": turned[0], "std": turned[1]},
    )
    yield (
        "antialias",
        "resized with antialias, as Pillow and torchvision do",
        {"decoder": "pillow", "antialias": True},
    )
    for kind in ("nearest", "area", "bicubic", "bilinear"):
        yield f"resize-{kind}", f"resized by {kind}", {"interpolation": kind}
    yield (
        "exif",
        "EXIF orientation is ignored on one side, followed on the other",
        {"exif_rotation": not recipe.exif_rotation},
    )
    for rule in ("floor", "round"):
        yield (
            f"long-side-{rule}",
            f"the long side is made whole by {rule}",
            {"long_side_rounding": rule},
        )
    for rule in ("floor", "half-up", "half-even"):
        yield (
            f"crop-{rule}",
            f"the crop's offset is made whole by {rule}",
            {"crop_rounding": rule},
        )
    for side in (recipe.crop_size, 232, 235, 248):
        yield (
            f"short-side-{side}",
            f"the short side is resized to {side} before the crop",
            {"resize_short_side": side},
        )
    for name, cause, mean, std in units.OTHERS:
        yield name, cause, {"mean": mean, "std": std}


def _units(recipe: Recipe) -> Iterator[Variant]:
    if recipe.pixel_scale != "none":
        return
    yield Variant(
        "pixels-0-1",
        "pixels are 0..1, mean and std meant for 0..255",
        tensors=lambda tensors: units.shrunk_pixels(tensors, recipe),
    )
    yield Variant(
        "mean-0-1",
        "mean and std are in 0..1, pixels 0..255",
        tensors=lambda tensors: units.shrunk_mean(tensors, recipe),
    )
    yield Variant(
        "not-normalised",
        "pixels are 0..1 without mean and std",
        tensors=lambda tensors: units.not_normalised(tensors, recipe),
    )


def _weights(epsilon: float | None) -> Iterator[Variant]:
    if epsilon is not None:
        wrong = statistics.other_epsilon(epsilon)
        yield Variant(
            f"bn-epsilon-{_power(wrong)}",
            f"batch norms have an epsilon of {_power(wrong)} instead of "
            f"{_power(epsilon)}",
            state=partial(statistics.with_epsilon, right=epsilon, wrong=wrong),
        )
    yield Variant(
        "stale-statistics",
        "running mean and variance of the batch norms are those of a new net",
        state=statistics.reset,
    )


def _power(epsilon: float) -> str:
    """As it is spoken of: `1e-3`, not `0.001` nor `1e-03`."""
    digits, power = f"{epsilon:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _labels(classes: int) -> Iterator[Variant]:
    for name, cause, mapping in labels.mistakes(classes):
        yield Variant(name, cause, labels=mapping)
