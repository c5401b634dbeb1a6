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

from ppim_port.backends import Precision
from ppim_port.backends.describe_torch import describe_torch
from ppim_port.backends.replay_torch import Replay
from ppim_port.pairs.catalogue import image_size
from ppim_port.pairs.records import NetDescription, NetName

# They would fill the weights from a slow truncated normal, only to be overwritten, and
# they alone have classifiers besides the last one.
_INCEPTIONS = ("googlenet", "inception_v3")


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


def build(
    model: str, *, num_classes: int = 1000, auxiliary: bool = True
) -> torch.nn.Module:
    """A net in evaluation mode, float32, with whatever weights it starts from.

    Args:
        model: its name.
        num_classes: outputs of the classifier.
        auxiliary: with the classifiers that only training reads.
    """
    models: Any = import_module("torchvision.models")
    options: dict[str, Any] = {"num_classes": num_classes}
    if model in _INCEPTIONS:
        options |= {"init_weights": False, "aux_logits": auxiliary}
    net = models.get_model(model, weights=None, **options)
    return cast(torch.nn.Module, net.eval())


def ready(net: NetDescription, *, precision: Precision) -> torch.nn.Module:
    """A net to load weights into and to run: live, or replayed from its description.

    Args:
        net: its name, how many classes, and what to replay if torchvision is absent.
        precision: of its tensors.
    """
    own = (
        build(net.net.model, num_classes=net.num_classes, auxiliary=False)
        if installed()
        else Replay(net)
    )
    return own.to(getattr(torch, precision)).eval()


def describe(model: str) -> NetDescription:
    """What the installed torchvision's net of this name does.

    Raises:
        InputError: something that we cannot describe.
    """
    name = NetName("torchvision", model)
    return describe_torch(build(model), name, image_size(model), versions())
