"""Find out which layer of one net is which layer of the other, and doubt it.

Two nets correspond if the same kinds of layers with the same shapes are joined in the
same way, from the input to the logits; definition order and names decide nothing while
the structure does. Refused: a layer without a counterpart, which is named together
with what stands in its place, and operands that could be exchanged, with the
candidates, because a guess would load cleanly and be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ppim_port.errors import MappingError
from ppim_port.pairs.records import COMMUTATIVE, NetDescription, layer_of
from ppim_port.pairs.skeleton import Cones, Edge, Skeleton, shown, skeleton

# Operands of a source's node, each with the target's operand that corresponds.
Operands: TypeAlias = list[tuple[Edge, Edge]]


@dataclass(frozen=True, slots=True)
class Match:
    """Two nets whose layers correspond.

    Attributes:
        source: the net that the weights come from.
        target: the net that they go to.
        nodes: index in the source -> index in the target, of layers and joins.
        edges: index of a source's node -> its operands and the target's.
    """

    source: NetDescription
    target: NetDescription
    nodes: Mapping[int, int]
    edges: Mapping[int, Operands]


def infer(source: NetDescription, target: NetDescription) -> Match:
    """Match two nets by their structure.

    Args:
        source: the net that the weights come from.
        target: the net that they go to.

    Raises:
        MappingError: a layer without a counterpart, or one with several.
    """
    cones = Cones()
    one, two = skeleton(source, cones), skeleton(target, cones)
    _refuse_strangers(one, two)
    nodes: dict[int, int] = {}
    edges: dict[int, Operands] = {}
    waiting = [(len(source.ops) - 1, len(target.ops) - 1)]
    while waiting:
        index, counterpart = waiting.pop()
        known = nodes.setdefault(index, counterpart)
        if known != counterpart:
            raise _shared_differently(source, target, index, (known, counterpart))
        if index not in edges:
            edges[index] = _operands(one, two, index, counterpart)
            waiting += [(a.source, b.source) for a, b in edges[index]]
    _refuse_twice(source, target, nodes)
    return Match(source, target, dict(sorted(nodes.items())), edges)


def _refuse_strangers(one: Skeleton, two: Skeleton) -> None:
    """Every layer's whole way from the input must exist in the other net, as often."""
    lines = [_stranger(a, b) for a, b in ((one, two), (two, one))]
    if any(lines):
        message = (
            f"{one.net.net} and {two.net.net} are built differently; nothing was "
            "converted:\n  " + "\n  ".join(filter(None, lines))
        )
        raise MappingError(message)


def _stranger(own: Skeleton, other: Skeleton) -> str:
    left = Counter(other.cones.values())
    missing = []
    for index, cone in own.cones.items():
        left[cone] -= 1
        if left[cone] < 0:
            missing.append(index)
    if not missing:
        return ""
    first, net = missing[0], own.net
    return (
        f"{net.net}: {shown(net, first)} is the first of {len(missing)} that have no "
        f"counterpart in {other.net.net}"
    )


def _operands(one: Skeleton, two: Skeleton, index: int, counterpart: int) -> Operands:
    ours, theirs = one.edges[index], two.edges[counterpart]
    if one.net.ops[index].kind not in COMMUTATIVE or len(ours) < 2:
        return list(zip(ours, theirs, strict=True))
    fits = [
        tuple(zip(ours, order, strict=True))
        for order in (theirs, theirs[::-1])
        if all(
            one.cones[a.source] == two.cones[b.source]
            for a, b in zip(ours, order, strict=True)
        )
    ]
    return list(_chosen(one, two, index, fits))


def _chosen(
    one: Skeleton,
    two: Skeleton,
    index: int,
    fits: Sequence[tuple[tuple[Edge, Edge], ...]],
) -> tuple[tuple[Edge, Edge], ...]:
    """The only order that fits; else the only one that exchanges no names."""
    if len(fits) > 1 and len({edge.source for edge, _ in fits[0]}) > 1:
        named = [order for order in fits if _same_names(one.net, two.net, order)]
        if len(named) != 1:
            raise _ambiguous(one.net, two.net, index, fits[0])
        return named[0]
    return fits[0]


def _same_names(
    one: NetDescription, two: NetDescription, order: Sequence[tuple[Edge, Edge]]
) -> bool:
    pairs = [(one.ops[a.source], two.ops[b.source]) for a, b in order]
    return all(a.tensors and layer_of(a) == layer_of(b) for a, b in pairs)


def _ambiguous(
    one: NetDescription,
    two: NetDescription,
    index: int,
    order: Sequence[tuple[Edge, Edge]],
) -> MappingError:
    ours = " and ".join(shown(one, a.source) for a, _ in order)
    theirs = " or ".join(shown(two, b.source) for _, b in order)
    return MappingError(
        f"{one.net} to {two.net} is ambiguous at {one.name(index)}: each of {ours} "
        f"could be {theirs}; neither shapes nor joins nor names tell them apart. "
        "Nothing was converted."
    )


def _shared_differently(
    source: NetDescription, target: NetDescription, index: int, found: Sequence[int]
) -> MappingError:
    names = " and ".join(shown(target, place) for place in found)
    return MappingError(
        f"{source.net}: {shown(source, index)} is used where {target.net} uses "
        f"{names}: one set of weights cannot be both. Nothing was converted."
    )


def _refuse_twice(
    source: NetDescription, target: NetDescription, nodes: Mapping[int, int]
) -> None:
    counts = Counter(nodes.values())
    twice = [place for place, count in counts.items() if count > 1]
    if twice:
        owners = [shown(source, a) for a, b in nodes.items() if b == twice[0]]
        message = (
            f"{target.net}: {shown(target, twice[0])} is used where {source.net} uses "
            f"{' and '.join(owners)}. Nothing was converted."
        )
        raise MappingError(message)
