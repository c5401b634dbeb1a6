"""A fault that a port could have, and the good port that it is planted into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from ppim_port.backends.layers import Layers
from ppim_port.pairs.records import Setting
from ppim_port.state_dict import Array, FrameworkName, StateDict

Edit: TypeAlias = Callable[[StateDict], StateDict]
Random: TypeAlias = np.random.Generator
T = TypeVar("T")

MEAN: Mapping[FrameworkName, str] = {"torch": "running_mean", "paddle": "_mean"}
VARIANCE: Mapping[FrameworkName, str] = {"torch": "running_var", "paddle": "_variance"}


@dataclass(frozen=True, slots=True)
class World:
    """A port that is right.

    Attributes:
        framework: the target's.
        state: the target's tensors.
        layers: how the target's live net is set.
    """

    framework: FrameworkName
    state: StateDict
    layers: Layers

    def floats(self, *, least: int = 2) -> list[str]:
        """Keys of floating-point tensors of at least so many numbers."""
        return [
            k for k, v in self.state.items() if v.dtype.kind == "f" and v.size >= least
        ]

    def of_kind(self, *kinds: str) -> list[str]:
        """Names of the layers of some kinds."""
        return [name for name, layer in self.layers.items() if layer.kind in kinds]


def same(state: StateDict) -> StateDict:
    """No change."""
    return state


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        text: what exactly, for the report.
        converting: what the map makes wrong.
        returning: what the same wrong map puts right again on the way back; a fault
            of the conversion alone is not put right.
        loading: what goes wrong between the tensors and the net.
        setting: layer, hyper-parameter and its wrong value in the live net.
    """

    text: str
    converting: Edit = same
    returning: Edit = same
    loading: Edit = same
    setting: tuple[str, str, Setting] | None = None


# Raises NoPlaceError where the net has no place for it.
Planter: TypeAlias = Callable[[Random, World], Fault]


class NoPlaceError(Exception):
    """This net has nothing that such a fault could be planted in."""


def one_of(rng: Random, choices: Sequence[T]) -> T:
    """One of them.

    Raises:
        NoPlaceError: there are none.
    """
    if not choices:
        raise NoPlaceError
    return choices[int(rng.integers(len(choices)))]


def replaced(key: str, change: Callable[[Array], Array]) -> Edit:
    """One tensor is replaced; the others are shared."""

    def edit(state: StateDict) -> StateDict:
        value = np.ascontiguousarray(change(state[key].copy()))
        return {**state, key: value}

    return edit


def exchanged(pairs: list[tuple[str, str]]) -> Edit:
    """The tensors of each pair change places; doing it again undoes it."""

    def edit(state: StateDict) -> StateDict:
        moved = {key: state[other] for a, b in pairs for key, other in ((a, b), (b, a))}
        return {**state, **moved}

    return edit


def alike(rng: Random, world: World) -> tuple[str, str]:
    """Two tensors of one shape, which could be taken for each other.

    Raises:
        NoPlaceError: no two are alike.
    """
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for key in world.floats():
        by_shape.setdefault(world.state[key].shape, []).append(key)
    several = [keys for keys in by_shape.values() if len(keys) > 1]
    keys = one_of(rng, several)
    first, second = rng.choice(len(keys), 2, replace=False)
    return keys[int(first)], keys[int(second)]


def neighbours(world: World) -> Iterator[tuple[str, str]]:
    """Layers of one kind whose tensors have the same shapes, next to each other."""
    last: dict[object, str] = {}
    for name, layer in world.layers.items():
        shapes = tuple(
            (key.removeprefix(name), value.shape)
            for key, value in world.state.items()
            if key.rpartition(".")[0] == name
        )
        if shapes:
            if (layer.kind, shapes) in last:
                yield last[layer.kind, shapes], name
            last[layer.kind, shapes] = name
