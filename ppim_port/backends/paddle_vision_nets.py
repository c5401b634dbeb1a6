"""Paddle's own vision nets, live: built and described; mirrors `torchvision_nets`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from ppim_port.backends.describe_paddle import describe_paddle
from ppim_port.backends.paddle import paddle
from ppim_port.pairs.catalogue import image_size
from ppim_port.pairs.records import NetDescription, NetName

_WITH_BATCH_NORM = "_bn"


def versions() -> dict[str, str]:
    """Package -> version."""
    return {"paddlepaddle": paddle.version.full_version}


def build(model: str) -> paddle.nn.Layer:
    """A net in evaluation mode, float32, with whatever weights it starts from."""
    models: Any = import_module("paddle.vision.models")
    plain = model.removesuffix(_WITH_BATCH_NORM)
    # Paddle has one name for a VGG with batch norms and without.
    options = {"batch_norm": True} if plain != model else {}
    net = getattr(models, plain)(pretrained=False, **options)
    net.eval()
    return cast(paddle.nn.Layer, net)


def describe(model: str) -> NetDescription:
    """What the installed Paddle's net of this name does.

    Raises:
        InputError: something that we cannot describe.
    """
    name = NetName("paddle.vision", model)
    return describe_paddle(build(model), name, image_size(model), versions())
