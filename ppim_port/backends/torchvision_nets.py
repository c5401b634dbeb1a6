"""torchvision's nets, live: built, described, or said to be absent.

torchvision is optional. A build of it that does not fit the torch beside it fails on
import (a CUDA build beside a CPU torch: "operator torchvision::nms does not exist"),
and counts as absent.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, cast

import torch

from ppim_port.backends.describe_torch import describe_torch
from ppim_port.pairs.catalogue import image_size
from ppim_port.pairs.records import NetDescription, NetName

# Both would fill the weights from a slow truncated normal, only to be overwritten.
_UNFILLED = {"init_weights": False}
_OPTIONS = {"googlenet": _UNFILLED, "inception_v3": _UNFILLED}


@cache
def installed() -> bool:
    """Whether torchvision can be imported here."""
    try:
        import_module("torchvision.models")
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def versions() -> dict[str, str]:
    """Package -> version, without the build's own suffix."""
    own: Any = import_module("torchvision")
    found = {"torchvision": str(own.__version__), "torch": torch.__version__}
    return {name: version.partition("+")[0] for name, version in found.items()}


def build(model: str, *, num_classes: int = 1000) -> torch.nn.Module:
    """A net in evaluation mode, float32, with whatever weights it starts from."""
    models: Any = import_module("torchvision.models")
    options = {"num_classes": num_classes, **_OPTIONS.get(model, {})}
    net = models.get_model(model, weights=None, **options)
    return cast(torch.nn.Module, net.eval())


def describe(model: str) -> NetDescription:
    """What the installed torchvision's net of this name does.

    Raises:
        InputError: something that we cannot describe.
    """
    name = NetName("torchvision", model)
    return describe_torch(build(model), name, image_size(model), versions())
