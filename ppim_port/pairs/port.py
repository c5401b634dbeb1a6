"""From two matched nets to the fate of every key of a checkpoint.

Every key of the source is used once, every key of the target that evaluation reads is
filled once; layouts come from what each layer does with its weight. Refused: missing
and unexpected keys, shapes and dtypes that do not fit, all of them in one error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ppim_port.errors import MappingError
from ppim_port.mapping import Action, Fate, TensorInfo, apply
from ppim_port.mapping import Mapping as Plan
from ppim_port.mapping.fit import widens
from ppim_port.pairs.infer import Match
from ppim_port.pairs.records import COUNTER, LAYOUT, NetDescription, layer_of
from ppim_port.pairs.spelling import spelled
from ppim_port.state_dict import StateDict

Infos = Mapping[str, TensorInfo]


@dataclass(frozen=True, slots=True)
class PairConfig:
    """The two nets of a plan; see `Config`."""

    source: str
    target: str
    num_classes: int
    family: ClassVar[str] = "pairs"


@dataclass(frozen=True, slots=True)
class _Move:
    """A tensor's way: its keys in both nets, and whether its axes are swapped."""

    source: str
    target: str
    transpose: bool


def classes_of(net: NetDescription, stored: Infos) -> int:
    """How many classes a checkpoint's own classifier has; the net's, if it has none."""
    key = net.ops[net.classifier].tensors["weight"]
    _, names = spelled(list(net.tensors), stored)
    info = stored.get(names[key])
    known = net.tensors[key].shape
    if info is None or len(info.shape) != len(known):
        return net.num_classes
    return info.shape[known.index(net.num_classes)]


def plan_port(match: Match, stored: Infos, *, origin: str = "the source") -> Plan:
    """Plan the port of a checkpoint from one net of a pair to the other.

    Args:
        match: of the two nets, with as many classes as the checkpoint has.
        stored: key -> shape and dtype, as in the checkpoint.
        origin: the file's name, for messages.

    Raises:
        MappingError: every key, shape and dtype that does not fit.
    """
    source, target = match.source, match.target
    naming, names = spelled(list(source.tensors), stored)
    problems = sorted(_problems(source, stored, names))
    if problems:
        lines = "\n  ".join(problems)
        message = (
            f"{origin}: its {len(stored)} keys do not fit {source.net}; "
            f"{len(problems)} problems, nothing was converted:\n  {lines}"
        )
        raise MappingError(message)
    config = PairConfig(str(source.net), str(target.net), target.num_classes)
    fates = tuple(_fates(match, stored, names))
    frameworks = (source.net.framework, target.net.framework)
    return Plan(config, *frameworks, naming, fates)


def apply_port(plan: Plan, match: Match, state: StateDict) -> StateDict:
    """Carry out a plan; see `ppim_port.mapping.apply`."""
    return apply(plan, state, wanted=wanted_keys(match.target))


def native_state(net: NetDescription, stored: StateDict) -> StateDict:
    """A checkpoint's tensors under its net's own names, for the net itself to load.

    Auxiliary classifiers are left out, and counters that are not there start from 0.
    """
    _, names = spelled(list(net.tensors), stored)
    return {
        key: stored[names[key]] if names[key] in stored else np.zeros((), np.int64)
        for key in wanted_keys(net)
    }


def wanted_keys(net: NetDescription) -> list[str]:
    """The keys that a port fills: all but those of auxiliary classifiers."""
    auxiliary = auxiliary_keys(net)
    return [key for key in net.tensors if key not in auxiliary]


def auxiliary_keys(net: NetDescription) -> frozenset[str]:
    """Keys of the layers that evaluation never runs."""
    run = {layer_of(op) for op in net.ops if op.tensors}
    return frozenset(key for key in net.unread if _layer(key) not in run)


def _moves(match: Match) -> Iterator[_Move]:
    for one, two in match.nodes.items():
        a, b = match.source.ops[one], match.target.ops[two]
        swapped = a.settings.get(LAYOUT) != b.settings.get(LAYOUT)
        for role, key in a.tensors.items():
            yield _Move(key, b.tensors[role], swapped and role == "weight")


def _problems(
    net: NetDescription, stored: Infos, names: Mapping[str, str]
) -> Iterator[str]:
    optional = _optional(net, stored, names)
    for key, info in net.tensors.items():
        found = stored.get(names[key])
        if found is None:
            if key not in optional:
                yield f"missing: {names[key]}"
            continue
        if found.shape != info.shape:
            yield (
                f"shape: {names[key]} is {list(found.shape)}, expected "
                f"{list(info.shape)}"
            )
        if found.dtype != info.dtype and not widens(found.dtype, info.dtype):
            yield f"dtype: {names[key]} is {found.dtype}, expected {info.dtype}"
    yield from (f"unexpected: {key}" for key in stored.keys() - set(names.values()))


def _optional(
    net: NetDescription, stored: Infos, names: Mapping[str, str]
) -> frozenset[str]:
    """Counters one by one, auxiliary classifiers all together or not at all."""
    unread = frozenset(net.unread)
    required = {key for key in auxiliary_keys(net) if not key.endswith(COUNTER)}
    there = any(names[key] in stored for key in required)
    return unread - required if there else unread


def _fates(match: Match, stored: Infos, names: Mapping[str, str]) -> Iterator[Fate]:
    """In the target's order; what is dropped follows the layer that it belongs to."""
    source, target = match.source, match.target
    moves = {move.target: move for move in _moves(match)}
    waiting: dict[str, list[Fate]] = {}
    for key in source.unread:
        if names[key] in stored:
            fate = _dropped(source, key, names[key], stored[names[key]])
            waiting.setdefault(_layer(key), []).append(fate)
    last = {
        _layer(m.source): key for key in wanted_keys(target) if (m := moves.get(key))
    }
    for key in wanted_keys(target):
        move = moves.get(key)
        if move is None:
            yield _created(key, target)
            continue
        yield _fate(move, key, target, stored, names)
        if last[_layer(move.source)] == key:
            yield from waiting.pop(_layer(move.source), ())
    for fates in waiting.values():
        yield from fates


def _layer(key: str) -> str:
    return key.rpartition(".")[0]


def _fate(
    move: _Move, key: str, net: NetDescription, stored: Infos, names: Mapping[str, str]
) -> Fate:
    old, new = names[move.source], net.tensors[key]
    action = Action.COPY if old == key else Action.RENAME
    reasons = []
    if move.transpose:
        action = Action.TRANSPOSE
        reasons.append("Linear is [out, in] in PyTorch and [in, out] in Paddle")
    if stored[old].dtype != new.dtype:
        reasons.append(f"{stored[old].dtype} widened to {new.dtype}, exactly")
    return Fate(old, key, action, new.shape, new.dtype, "; ".join(reasons))


def _dropped(net: NetDescription, key: str, published: str, info: TensorInfo) -> Fate:
    auxiliary = key in auxiliary_keys(net)
    what = "auxiliary classifier, not in" if auxiliary else "no counterpart in"
    reason = f"{what} the target; evaluation never reads it"
    return Fate(published, None, Action.DROP, info.shape, info.dtype, reason)


def _created(key: str, net: NetDescription) -> Fate:
    info = net.tensors[key]
    reason = "not in the source; starts from 0, evaluation never reads it"
    return Fate(None, key, Action.CREATE, info.shape, info.dtype, reason)
