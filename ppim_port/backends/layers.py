"""What a live layer is set to, and what went through it: records of both frameworks.

Settings are in PyTorch's conventions and in the words of `ppim_port.pairs`, so that
equal layers have equal descriptions whatever their framework. A layer of a kind that we
do not know is described as such and compares equal to nothing: silence would pass for
agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ppim_port.state_dict import Array

if TYPE_CHECKING:
    # Only there: the pairs build on the backends.
    from ppim_port.pairs.records import Setting

Settings: TypeAlias = "Mapping[str, Setting]"
# A layer's class -> its kind, and how its settings are read off.
Readers: TypeAlias = Mapping[str, tuple[str, Callable[[Any], Settings]]]


@dataclass(frozen=True, slots=True)
class LayerDescription:
    """A layer as it is set in a live net.

    Attributes:
        kind: what it does, e.g. "conv"; None for a class that we do not know.
        settings: its hyper-parameters.
        class_name: what its framework calls it.
    """

    kind: str | None
    settings: Settings
    class_name: str


Layers: TypeAlias = Mapping[str, LayerDescription]


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer.

    Attributes:
        layer: its dotted name.
        inputs: what it was given, copied before anything could change it.
        output: what it gave back.
    """

    layer: str
    inputs: tuple[Array, ...]
    output: Array


def described(named: Iterable[tuple[str, Any]], readers: Readers) -> Layers:
    """The layers of a net that have settings of their own.

    Args:
        named: dotted name and layer, of every layer, containers too.
        readers: of the framework.
    """
    layers = list(named)
    holders = {name.rpartition(".")[0] for name, _ in layers}
    found = {}
    for name, layer in layers:
        class_name = type(layer).__name__
        if class_name in readers:
            kind, read = readers[class_name]
            settings = {**read(layer), "training": layer.training}
            found[name] = LayerDescription(kind, settings, class_name)
        elif name not in holders:
            found[name] = LayerDescription(None, {}, class_name)
    return found


def both(value: Any) -> tuple[int, ...]:
    """Height and width, where one number may say both."""
    return (value, value) if isinstance(value, int) else tuple(value)


def involution(layer: Any) -> Settings:
    """Settings of our own involution, which is written alike in both frameworks."""
    return {
        "kernel": layer.kernel_size,
        "stride": layer.stride,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }


def nothing(_layer: Any) -> Settings:
    """Settings of a layer that has none."""
    return {}


def replaced(layer: Any, attribute: str, value: Any) -> Callable[[], None]:
    """Set an attribute, and get the function that puts the old value back."""
    old = getattr(layer, attribute)
    setattr(layer, attribute, value)
    return lambda: setattr(layer, attribute, old)


def call_name(layer: str, taken: Mapping[str, Call]) -> str:
    """What to call a use of a layer: one ReLU may serve several times."""
    name, count = layer, 1
    while name in taken:
        count += 1
        name = f"{layer} (use {count})"
    return name
