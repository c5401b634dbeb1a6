"""Plans between the frameworks, made from made-up weights."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from ppim_port.mapping import Mapping, TensorInfo, describe, plan
from ppim_port.state_dict import Array, FrameworkName

OTHER: dict[FrameworkName, FrameworkName] = {"torch": "paddle", "paddle": "torch"}


def planned(
    state: MappingABC[str, Array],
    source: FrameworkName = "torch",
    target: FrameworkName | None = None,
    *,
    variant: str = "26",
) -> Mapping:
    """A plan for a state dict; to the other framework if none is named."""
    return planned_from(describe(state), source, target, variant=variant)


def planned_from(
    infos: MappingABC[str, TensorInfo],
    source: FrameworkName = "torch",
    target: FrameworkName | None = None,
    *,
    variant: str = "26",
) -> Mapping:
    """A plan from shapes and dtypes alone."""
    return plan(
        infos,
        family="rednet",
        variant=variant,
        source_framework=source,
        target_framework=target or OTHER[source],
        origin="net.pth",
    )


def bits(state: MappingABC[str, Array]) -> dict[str, tuple[str, bytes]]:
    """Everything that must not change, in a form that `==` compares bit for bit."""
    return {
        key: (f"{value.dtype} {value.shape}", value.tobytes())
        for key, value in state.items()
    }
