"""From what went through a net to one number a position: the sum of its kernel.

Works on records of a live net's layers, so on every family whose involutions describe
themselves, in both frameworks. Refused: a net without involutions, kernels that are
not finite, and layers or groups that are not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ppim_port.backends.layers import Call, LayerDescription, Layers
from ppim_port.errors import UnknownNameError, UsageError, VerificationError
from ppim_port.state_dict import Array

# The layer of an involution whose output are its kernels, in both frameworks.
GENERATOR = "conv2"


@dataclass(frozen=True, slots=True)
class KernelMap:
    """The kernels of one use of an involution, each as its sum.

    Attributes:
        layer: dotted name; a later use of the same layer is "name (use 2)".
        kernel_size: K.
        stride: of the involution.
        sums: float64 `[groups, H', W']`.
    """

    layer: str
    kernel_size: int
    stride: int
    sums: Array = field(repr=False)

    @property
    def groups(self) -> int:
        """Kernels at each position."""
        return len(self.sums)

    @property
    def mean(self) -> Array:
        """Mean over the groups, float64 `[H', W']`."""
        found: Array = self.sums.mean(axis=0)
        return found


@dataclass(frozen=True, slots=True)
class Tile:
    """One heat map to be shown.

    Attributes:
        name: of the layer, and of the group if it is one.
        facts: kernel, stride, size, and the smallest and largest value, in words.
        values: float64 `[H', W']`.
    """

    name: str
    facts: str
    values: Array = field(repr=False)


def kernel_maps(layers: Layers, calls: Mapping[str, Call]) -> tuple[KernelMap, ...]:
    """Every involution's kernels, in the order in which the net uses them.

    Args:
        layers: of `Backend.describe`.
        calls: of `Backend.trace`, of one picture.

    Raises:
        UsageError: the net has no involution, or more than one picture went through.
        VerificationError: kernels that are not finite, or not those of the layer.
    """
    found = []
    for use, call in calls.items():
        layer, _, part = call.layer.rpartition(".")
        described = layers.get(layer)
        if part == GENERATOR and described and described.kind == "involution":
            name = layer + use.removeprefix(call.layer)
            found.append(_map(name, described, call.output))
    if not found:
        message = (
            "The net has no involution, so there are no kernels to see. Name a model "
            "of a family with involutions, such as rednet26."
        )
        raise UsageError(message)
    return tuple(found)


def chosen(
    maps: Sequence[KernelMap], layers: Iterable[str] | None
) -> tuple[KernelMap, ...]:
    """Those of some layers, in the net's order.

    Args:
        maps: of a net.
        layers: names, or what they start with, such as "layer3"; None is all.

    Raises:
        UnknownNameError: no involution is called so.
    """
    if layers is None:
        return tuple(maps)
    wanted = list(layers)
    for word in wanted:
        if not any(_belongs(each.layer, word) for each in maps):
            raise UnknownNameError(word, [m.layer for m in maps], kind="involution")
    return tuple(m for m in maps if any(_belongs(m.layer, word) for word in wanted))


def tiles(maps: Iterable[KernelMap], groups: str = "mean") -> list[Tile]:
    """The heat maps to be shown.

    Args:
        maps: whose kernels.
        groups: "mean" over the groups, "all" of them, or numbers such as "0,3".

    Raises:
        UsageError: no such choice, or a layer has fewer groups.
    """
    return [tile for each in maps for tile in _of_layer(each, groups)]


def _map(name: str, layer: LayerDescription, output: Array) -> KernelMap:
    size, stride, groups = (layer.settings[k] for k in ("kernel", "stride", "groups"))
    assert isinstance(size, int)
    assert isinstance(stride, int)
    assert isinstance(groups, int)
    if len(output) != 1:
        message = f"{name}: kernels of {len(output)} pictures. One is shown at a time."
        raise UsageError(message)
    if output.shape[1] != groups * size * size:
        message = (
            f"{name}: {output.shape[1]} kernel values at a position, expected {groups} "
            f"groups of {size} x {size}. Nothing was shown."
        )
        raise VerificationError(message)
    kernels = output.reshape(groups, size * size, *output.shape[2:])
    # In float64: large values of opposite signs cancel.
    sums = kernels.astype(np.float64).sum(axis=1)
    if not np.isfinite(sums).all():
        message = (
            f"{name}: its kernels are not all finite. Nothing was shown. Look at the "
            "weights with `convert inspect`."
        )
        raise VerificationError(message)
    return KernelMap(name, size, stride, sums)


def _belongs(layer: str, word: str) -> bool:
    return layer == word or layer.startswith((f"{word}.", f"{word} "))


def _of_layer(each: KernelMap, groups: str) -> list[Tile]:
    if groups == "mean":
        return [_tile(each, each.layer, each.mean)]
    return [
        _tile(each, f"{each.layer} group {number}", each.sums[number])
        for number in _numbers(each, groups)
    ]


def _numbers(each: KernelMap, groups: str) -> Sequence[int]:
    if groups == "all":
        return range(each.groups)
    words = groups.split(",")
    if not all(word.isascii() and word.isdigit() and len(word) < 6 for word in words):
        message = (
            f"The groups {groups!r}: expected mean, all, or numbers from 0 such as 0,3."
        )
        raise UsageError(message)
    numbers = [int(word) for word in words]
    if max(numbers) >= each.groups:
        message = (
            f"{each.layer} has the groups 0..{each.groups - 1}, not {max(numbers)}. "
            "Choose others, or leave that layer out with --layers."
        )
        raise UsageError(message)
    return numbers


def _tile(each: KernelMap, name: str, values: Array) -> Tile:
    height, width = values.shape
    size, stride = each.kernel_size, each.stride
    step = f" stride {stride}" if stride > 1 else ""
    facts = (
        f"{size}x{size}{step}, {height} x {width}, "
        f"{values.min() + 0.0:.3g} to {values.max() + 0.0:.3g}"
    )
    return Tile(name, facts, values)
