"""Faults of the tensors: in the conversion, in the map itself, and while loading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from convert.verification.faults import (
    MEAN,
    VARIANCE,
    Edit,
    Fault,
    Planter,
    Random,
    World,
    alike,
    exchanged,
    neighbours,
    one_of,
    replaced,
)
from ppim_port.state_dict import Array, StateDict

Change = Callable[[Array], Array]


def _whole(change: Change) -> Planter:
    """A change of one tensor."""

    def plant(rng: Random, world: World) -> Fault:
        key = one_of(rng, world.floats())
        return Fault(key, replaced(key, change))

    return plant


def _single(change: Callable[[np.floating], object]) -> Planter:
    """A change of one number of one tensor."""

    def plant(rng: Random, world: World) -> Fault:
        key = one_of(rng, world.floats())
        at = int(rng.integers(world.state[key].size))

        def edit(value: Array) -> Array:
            value.flat[at] = change(value.flat[at])
            return value

        return Fault(f"{key}, number {at}", replaced(key, edit))

    return plant


def _among(wanted: Callable[[Array], bool], change: Change) -> Planter:
    """A change of one tensor of a certain shape."""

    def plant(rng: Random, world: World) -> Fault:
        keys = [key for key in world.floats() if wanted(world.state[key])]
        key = one_of(rng, keys)
        return Fault(key, replaced(key, change))

    return plant


def _half(value: Array) -> Array:
    return value.astype(np.float16).astype(np.float32)


def _last_bit(value: np.floating) -> object:
    return np.nextafter(value, np.float32(np.inf), dtype=np.float32)


def _is_square(value: Array) -> bool:
    return value.ndim >= 2 and value.shape[0] == value.shape[1]


def _turned(value: Array) -> Array:
    return value.swapaxes(0, 1)


def _permuted(rng: Random, world: World) -> Fault:
    key = one_of(rng, [k for k in world.floats() if len(world.state[k]) > 1])
    order = np.roll(np.arange(len(world.state[key])), int(rng.integers(1, 4)))
    return Fault(key, replaced(key, lambda value: value[order]))


def _half_of_all(rng: Random, world: World) -> Fault:
    def edit(state: StateDict) -> StateDict:
        return {k: _half(v) if v.dtype.kind == "f" else v for k, v in state.items()}

    return Fault("all tensors", edit)


def _swapped(rng: Random, world: World) -> Fault:
    pair = alike(rng, world)
    return Fault(" and ".join(pair), exchanged([pair]))


def _from_neighbour(rng: Random, world: World) -> Fault:
    first, second = one_of(rng, list(neighbours(world)))

    def edit(state: StateDict) -> StateDict:
        mine = [key for key in state if key.rpartition(".")[0] == second]
        return {**state, **{k: state[first + k.removeprefix(second)] for k in mine}}

    return Fault(f"{second} got the tensors of {first}", edit)


def _leaves(world: World, *leaves: str) -> list[str]:
    return [k for k in world.floats() if k.rpartition(".")[2] in leaves]


def _no_bias(rng: Random, world: World) -> Fault:
    key = one_of(rng, _leaves(world, "bias"))
    return Fault(key, replaced(key, np.zeros_like))


def _missing(rng: Random, world: World) -> Fault:
    key = one_of(rng, world.floats())
    return Fault(key, lambda state: {k: v for k, v in state.items() if k != key})


def _stray(rng: Random, world: World) -> Fault:
    key = one_of(rng, world.floats())
    return Fault(f"{key}_", lambda state: {**state, f"{key}_": state[key]})


def _in_each_norm(first: str, second: str, world: World) -> list[tuple[str, str]]:
    norms = world.of_kind("batch_norm")
    return [(f"{name}.{first}", f"{name}.{second}") for name in norms]


def _statistics(rng: Random, world: World) -> Fault:
    pairs = _in_each_norm(MEAN[world.framework], VARIANCE[world.framework], world)
    pair = one_of(rng, pairs)
    # Both positive, so that it is not the sign that gives it away.
    edit = exchanged([pair])
    return Fault(" and ".join(pair), lambda s: edit(replaced(pair[0], np.abs)(s)))


def _both_ways(edit: Edit, undo: Edit, text: str) -> Fault:
    return Fault(text, converting=edit, returning=undo)


def _map_swapped(rng: Random, world: World) -> Fault:
    pair = alike(rng, world)
    return _both_ways(exchanged([pair]), exchanged([pair]), " and ".join(pair))


def _map_norms(rng: Random, world: World) -> Fault:
    pairs = _in_each_norm("weight", "bias", world)
    one_of(rng, pairs)  # a net without any has no place for it
    edit = exchanged(pairs)
    return _both_ways(edit, edit, "weight and bias of every batch norm")


def _map_not_turned(rng: Random, world: World) -> Fault:
    keys = [f"{name}.weight" for name in world.of_kind("linear")]
    key = one_of(rng, [k for k in keys if _is_square(world.state[k])])
    edit = replaced(key, _turned)
    return _both_ways(edit, edit, key)


def _at_loading(planter: Planter) -> Planter:
    """The same, but between the tensors and the net."""

    def plant(rng: Random, world: World) -> Fault:
        fault = planter(rng, world)
        return replace(Fault(fault.text), loading=fault.converting)

    return plant


def _initial(world: World, norms: list[str]) -> Edit:
    initial = {MEAN[world.framework]: 0.0, VARIANCE[world.framework]: 1.0}

    def edit(state: StateDict) -> StateDict:
        keys = {f"{name}.{leaf}": v for name in norms for leaf, v in initial.items()}
        return {**state, **{k: np.full_like(state[k], v) for k, v in keys.items()}}

    return edit


def _stale_one(rng: Random, world: World) -> Fault:
    norm = one_of(rng, world.of_kind("batch_norm"))
    return Fault(norm, loading=_initial(world, [norm]))


def _stale_all(rng: Random, world: World) -> Fault:
    norms = world.of_kind("batch_norm")
    one_of(rng, norms)  # a net without any has no place for it
    return Fault(f"all {len(norms)}", loading=_initial(world, norms))


KINDS: Mapping[str, Planter] = {
    "two tensors of one shape swapped": _swapped,
    "sign of one tensor": _whole(np.negative),
    "one tensor 1 % too large": _whole(lambda v: v * np.float32(1.01)),
    "one number 1 % too large": _single(lambda v: v * np.float32(1.01)),
    "one number's last bit": _single(_last_bit),
    "a square matrix transposed": _among(_is_square, _turned),
    "one tensor rounded to float16": _whole(_half),
    "all tensors rounded to float16": _half_of_all,
    "one tensor of zeros": _whole(np.zeros_like),
    "channels permuted": _permuted,
    "input channels reversed": _among(
        lambda v: v.ndim >= 2 and v.shape[1] > 1, lambda v: v[:, ::-1]
    ),
    "taps of a kernel mirrored": _among(
        lambda v: v.ndim == 4 and v.shape[3] > 1, lambda v: v[..., ::-1]
    ),
    "NaN in one number": _single(lambda v: np.nan),
    "infinity in one number": _single(lambda v: np.inf),
    "one tensor stored as float64": _whole(lambda v: v.astype(np.float64)),
    "one tensor stored as float16": _whole(lambda v: v.astype(np.float16)),
    "a layer copied from its neighbour": _from_neighbour,
    "a bias dropped": _no_bias,
    "a key missing": _missing,
    "a key too many": _stray,
    "a tensor flattened": _among(lambda v: v.ndim >= 2, np.ravel),
    "mean and variance swapped": _statistics,
    "map: two keys swapped, both ways": _map_swapped,
    "map: scale and shift swapped, both ways": _map_norms,
    "map: a square linear not transposed, both ways": _map_not_turned,
    "loading: statistics of one layer left as they were": _stale_one,
    "loading: all statistics left as they were": _stale_all,
    "loading: one tensor left at zero": _at_loading(_whole(np.zeros_like)),
    "loading: two tensors swapped": _at_loading(_swapped),
    "loading: one number 1 % too large": _at_loading(
        _single(lambda v: v * np.float32(1.01))
    ),
}
