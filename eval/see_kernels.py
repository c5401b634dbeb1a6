"""A picture through a net, and the involution kernels that it made for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.kernels import KernelMap, kernel_maps
from eval.weights import open_weights
from ppim_port.backends import Backend, get_backend, require
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Transform, open_recipe, read_picture
from ppim_port.state_dict import Array, FrameworkName


@dataclass(frozen=True, slots=True)
class Sight:
    """What to look at.

    Attributes:
        model: name in the manifest.
        image: the picture's file.
        framework: who runs the net.
        weights: a weights file of either framework; None is by name.
        recipe: name of a recipe, or a JSON file of one; None is the model's own.
    """

    model: str
    image: Path
    framework: FrameworkName = "paddle"
    weights: Path | None = None
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Attributes:
        picture: as the net got it but for the normalisation, uint8 BGR `[H, W, 3]`.
        maps: of every involution, in the net's order.
        recipe: its name.
    """

    sight: Sight
    picture: NDArray[np.uint8] = field(repr=False)
    maps: tuple[KernelMap, ...]
    recipe: str


def see_kernels(
    sight: Sight, *, say: Callable[[str], None] = lambda text: None
) -> Seen:
    """Show a picture to a net, and take down the sums of its involution kernels.

    The framework's own layers run, in float32: the inference form keeps no kernels.

    Args:
        sight: net and picture.
        say: told where the weights come from.

    Raises:
        UsageError: an unknown model or recipe, an absent framework, or a net without
            involutions.
        ImageError: the picture cannot be decoded.
        VerificationError: kernels that are not finite.
        PpimError: the weights cannot be used; see `eval.weights.open_weights`.
    """
    manifest = load_manifest()
    record = manifest.model(sight.model)
    require(sight.framework)
    recipe = open_recipe(sight.recipe or record.recipe, manifest.recipes)
    transform = Transform(recipe)
    # Before the weights: a picture that is none is told at once.
    picture = transform.to_uint8(read_picture(sight.image), name=str(sight.image))
    weights = open_weights(
        record, sight.framework, sight.weights, say=say, progress=False
    )
    backend = get_backend(sight.framework)
    net = backend.build(weights.mapping.config)
    backend.load(net, weights.state)
    maps = maps_of(backend, net, transform.finish(picture[None]))
    return Seen(sight, picture, maps, recipe.name)


def maps_of(backend: Backend, net: Any, images: Array) -> tuple[KernelMap, ...]:
    """The kernel sums of any live net whose involutions are ours.

    Args:
        backend: `ppim_port.backends.get_backend` of the net's framework.
        net: of that framework, in evaluation mode.
        images: one normalised picture, `[1, 3, H, W]`, in the net's precision.

    Raises:
        UsageError, VerificationError: see `eval.kernels.kernel_maps`.
    """
    return kernel_maps(backend.describe(net), backend.trace(net, images))
