"""A net reduced to what decides the map: its weighted layers and how they are joined.

Everything between two of them that has one input and no tensors (activations, pools,
dropout) is an edge's chain: it is compared later, setting by setting, but a pooling
that one net has and the other lacks does not hide which layers belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppim_port.pairs.records import COMMUTATIVE, JOINS, WEIGHTED, NetDescription, Op

KEPT = WEIGHTED | JOINS | {"input", "output"}


@dataclass(frozen=True, slots=True)
class Edge:
    """One operand of a node: the node that it comes from, and what lies between.

    Attributes:
        source: index of the operation above.
        chain: indexes of the operations between, in execution order.
    """

    source: int
    chain: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A net's nodes.

    Attributes:
        net: whose.
        edges: index of a node -> its operands.
        cones: index of a node -> a number for everything that leads to it, by kinds
            and shapes alone; equal for nodes that could be each other's counterparts.
    """

    net: NetDescription
    edges: Mapping[int, tuple[Edge, ...]]
    cones: Mapping[int, Cone]


# A node's own kind and shapes, and its operands' cones; interned as a number.
Cone = int


class Cones:
    """Numbers for cones; two skeletons are comparable if they share one of these."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def number(self, cone: object) -> Cone:
        """The number of a cone, the same each time."""
        return self._numbers.setdefault(cone, len(self._numbers))


def skeleton(net: NetDescription, cones: Cones) -> Skeleton:
    """Reduce a net.

    Args:
        net: any net.
        cones: shared by the two skeletons that are to be compared.
    """
    edges: dict[int, tuple[Edge, ...]] = {}
    numbers: dict[int, Cone] = {}
    for index, op in enumerate(net.ops):
        if op.kind in KEPT:
            edges[index] = tuple(_edge(net, above) for above in op.inputs)
            inputs = [numbers[edge.source] for edge in edges[index]]
            if op.kind in COMMUTATIVE:
                inputs.sort()
            shape = tuple((role, net.shape(op, role)) for role in sorted(op.tensors))
            numbers[index] = cones.number((op.kind, shape, tuple(inputs)))
    return Skeleton(net, edges, numbers)


def _edge(net: NetDescription, index: int) -> Edge:
    chain = []
    while net.ops[index].kind not in KEPT:
        chain.append(index)
        index = net.ops[index].inputs[0]
    return Edge(index, tuple(reversed(chain)))


def shown(net: NetDescription, index: int) -> str:
    """A node as a person would name it: layer, kind and the shape of its weight."""
    op: Op = net.ops[index]
    if not op.tensors:
        return net.name(index)
    shape = "x".join(map(str, net.shape(op, "weight")))
    bias = " with a bias" if "bias" in op.tensors and op.kind != "batch_norm" else ""
    return f"{net.name(index)} ({op.kind} {shape}{bias})"
