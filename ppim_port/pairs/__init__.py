"""Nets of two packages, matched by what they do and not by what they are called.

A description says what a net does in evaluation, operation by operation; `infer`
matches two of them, `compare` holds their settings against each other, `plan_port`
gives every key its fate. Refused: layers without counterpart, ambiguity, settings that
differ; a map that merely loads proves nothing about the nets.

None of it imports a framework. The live nets are in `ppim_port.backends`:

    from ppim_port.pairs import paddle_net

    net = paddle_net("squeezenet1_1", mended=True)
"""

from __future__ import annotations

from typing import Any

from ppim_port.pairs.catalogue import MODELS, net_name
from ppim_port.pairs.compare import Difference, compare
from ppim_port.pairs.infer import Match, infer
from ppim_port.pairs.mends import MENDS, Mend, unmended
from ppim_port.pairs.port import apply_port, classes_of, native_state, plan_port
from ppim_port.pairs.recorded import recorded
from ppim_port.pairs.records import NetDescription, NetName, Op

__all__ = [
    "MENDS",
    "MODELS",
    "Difference",
    "Match",
    "Mend",
    "NetDescription",
    "NetName",
    "Op",
    "apply_port",
    "classes_of",
    "compare",
    "infer",
    "native_state",
    "net_name",
    "paddle_net",
    "plan_port",
    "recorded",
    "unmended",
]


def paddle_net(model: str, *, num_classes: int = 1000, mended: bool = False) -> Any:
    """A net of `paddle.vision.models` in evaluation mode, mended if asked for.

    Args:
        model: its name, as torchvision has it.
        num_classes: outputs of the classifier.
        mended: change what `MENDS` says, so that it does what torchvision's does.

    Raises:
        UnknownNameError: no such model.
        MissingPackageError: Paddle is not installed.
        MappingError: the installed Paddle's net is not the one that is mended.
    """
    from ppim_port.backends import require

    net_name(f"paddle.vision:{model}")
    require("paddle")
    from ppim_port.backends import paddle_vision_nets

    return paddle_vision_nets.build(model, num_classes=num_classes, mended=mended)
