"""The nets of a pair as they are installed here, or as they are recorded.

torchvision is optional: where it does not import, its recorded net stands in for it,
and the proof says so.
"""

from __future__ import annotations

from typing import Any

from convert.pairing.records import PairPlan, Witness
from ppim_port.backends import Precision, get_backend
from ppim_port.pairs import NetDescription
from ppim_port.state_dict import Array, StateDict


def live_nets(planned: PairPlan) -> tuple[NetDescription, NetDescription]:
    """Both nets of a plan, described anew; Paddle's with its mends applied.

    Raises:
        MappingError: the installed Paddle's net is not the one that is mended.
        InputError: a net that cannot be described.
    """
    mended = bool(planned.mends)
    match = planned.match
    return _live(match.source, mended=mended), _live(match.target, mended=mended)


def witness() -> Witness:
    """Who speaks for torchvision here."""
    from ppim_port.backends import torchvision_nets

    return "live" if torchvision_nets.installed() else "replayed"


def build(net: NetDescription, *, precision: Precision, mended: bool) -> Any:
    """A net that runs: Paddle's live, torchvision's live or replayed.

    Args:
        net: which, with as many classes as it is to have.
        precision: of its tensors.
        mended: whether Paddle's is to be mended.
    """
    if net.net.package == "paddle.vision":
        from ppim_port.backends import paddle_vision_nets

        return paddle_vision_nets.ready(net, precision=precision, mended=mended)
    from ppim_port.backends import torchvision_nets

    return torchvision_nets.ready(net, precision=precision)


def logits(
    net: NetDescription, state: StateDict, images: Array, *, mended: bool
) -> Array:
    """What a net says in float64, `[N, classes]`.

    Raises:
        MappingError: the tensors do not fit the net.
    """
    backend = get_backend(net.net.framework)
    model = build(net, precision="float64", mended=mended)
    backend.load(model, state)
    return backend.predict(model, images)


def ran_by(net: NetDescription, *, mended: bool) -> str:
    """Who ran a net, for the proof."""
    version = get_backend(net.net.framework).version()
    if net.net.package == "paddle.vision":
        return f"paddle {version}{' mended' if mended else ''}"
    how = "on" if witness() == "live" else "replayed by"
    return f"torchvision {net.made_with['torchvision']} {how} torch {version}"


def _live(net: NetDescription, *, mended: bool) -> NetDescription:
    if net.net.package == "paddle.vision":
        from ppim_port.backends import paddle_vision_nets

        return paddle_vision_nets.describe(net.net.model, mended=mended)
    if witness() == "replayed":
        return net
    from ppim_port.backends import torchvision_nets

    return torchvision_nets.describe(net.net.model)
