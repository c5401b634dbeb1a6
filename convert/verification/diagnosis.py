"""Say in words where a port goes wrong, for the error of a proof that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convert.verification.layers import Parting, parting
from convert.verification.tensors import unlike
from ppim_port.backends import Backend
from ppim_port.mapping import Fate
from ppim_port.models.family import Config
from ppim_port.state_dict import Array, StateDict

SHOWN = 5


def diagnose(
    config: Config,
    source: tuple[Backend, StateDict],
    target: tuple[Backend, StateDict],
    *,
    images: Array,
    tolerance: float,
) -> Parting:
    """Build both float64 nets anew and find where they part.

    Args:
        config: of both nets.
        source: a backend and what its net is loaded with.
        target: likewise.
        images: float64 `[N, 3, H, W]`.
        tolerance: differences up to this are noise.
    """
    return parting(
        _net(config, *source), _net(config, *target), images, tolerance=tolerance
    )


def _net(config: Config, backend: Backend, state: StateDict) -> tuple[Backend, Any]:
    model = backend.build(config, precision="float64")
    backend.load(model, state)
    return backend, model


def explained(
    found: Parting,
    fates: tuple[Fate, ...],
    *,
    planned: StateDict,
    converted: StateDict,
) -> Iterator[str]:
    """The lines of a diagnosis.

    Args:
        found: where the nets part.
        fates: the plan's.
        planned: what the plan makes of the source.
        converted: what was to be written.
    """
    if found.chained:
        use, apart = found.chained
        yield f"the nets part at {use}, by {apart:.3g} of its largest output"
    else:
        yield "no layer's output differs on the picture of the diagnosis"
    layers = list(found.forced)
    if layers:
        first = layers[0]
        yield (
            f"given the source's own input, {first} is the first layer that differs, "
            f"by {found.forced[first]:.3g}{_others(layers[1:])}"
        )
        yield from _tensors(first, fates, planned, converted)
    elif found.chained:
        yield "given the source's own input, no layer differs"


def _others(layers: list[str]) -> str:
    if not layers:
        return ""
    more = f" and {len(layers) - SHOWN} more" if len(layers) > SHOWN else ""
    return f"; then {', '.join(layers[:SHOWN])}{more}"


def _tensors(
    layer: str, fates: tuple[Fate, ...], planned: StateDict, converted: StateDict
) -> Iterator[str]:
    sources = {fate.target: fate.source for fate in fates}
    mine = {key: v for key, v in planned.items() if key.startswith(f"{layer}.")}
    lines = list(unlike(mine, converted))
    for line in lines:
        key = line.partition(" ")[0]
        yield f"{line}, from what the plan makes of {sources[key]}"
    if mine and not lines:
        yield f"the tensors of {layer} are as planned: the map or a net is wrong"
