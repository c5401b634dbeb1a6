"""Paddle's own vision nets, live: built and described; mirrors `torchvision_nets`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from ppim_port.backends import Precision
from ppim_port.backends.describe_paddle import describe_paddle
from ppim_port.backends.mend_paddle import mend
from ppim_port.backends.paddle import paddle
from ppim_port.pairs.catalogue import image_size
from ppim_port.pairs.mends import MENDS
from ppim_port.pairs.records import NetDescription, NetName

_WITH_BATCH_NORM = "_bn"


def versions() -> dict[str, str]:
    """Package -> version."""
    return {"paddlepaddle": paddle.version.full_version}


def build(
    model: str, *, num_classes: int = 1000, mended: bool = False
) -> paddle.nn.Layer:
    """A net in evaluation mode, float32, with whatever weights it starts from.

    Args:
        model: its name.
        num_classes: outputs of the classifier.
        mended: change what `MENDS` says, so that it does what torchvision's does.

    Raises:
        MappingError: the installed Paddle's net is not the one that is mended.
    """
    models: Any = import_module("paddle.vision.models")
    plain = model.removesuffix(_WITH_BATCH_NORM)
    # Paddle has one name for a VGG with batch norms and without.
    options = {"batch_norm": True} if plain != model else {}
    net = getattr(models, plain)(num_classes=num_classes, **options)
    if mended:
        mend(net, MENDS.get(model, ()))
    net.eval()
    return cast(paddle.nn.Layer, net)


def ready(
    net: NetDescription, *, precision: Precision, mended: bool
) -> paddle.nn.Layer:
    """A net to load weights into and to run; mirrors `torchvision_nets.ready`.

    Args:
        net: its name, and how many classes.
        precision: of its tensors.
        mended: as in `build`.
    """
    own = build(net.net.model, num_classes=net.num_classes, mended=mended)
    # Not astype(): after it, convolutions still expect float32 (paddle 3.3.1).
    own.to(dtype=precision)
    return own


def describe(model: str, *, mended: bool = False) -> NetDescription:
    """What the installed Paddle's net of this name does.

    Raises:
        InputError: something that we cannot describe.
    """
    name = NetName("paddle.vision", model)
    net = build(model, mended=mended)
    return describe_paddle(net, name, image_size(model), versions())
