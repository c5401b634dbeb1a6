"""A net as data: its operations in execution order, and where each takes its tensors.

A description holds all that evaluation does with the weights, functional calls among
it, so that two of them can be compared and one can be run again without the package
that it came from. Refused: a setting or a file that is not plain data of this shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

from ppim_port.errors import InputError
from ppim_port.mapping import TensorInfo
from ppim_port.state_dict import FrameworkName

FORMAT: Final = 1

Setting: TypeAlias = bool | int | float | str | tuple[int, ...]
Package: TypeAlias = Literal["torchvision", "paddle.vision"]
Kind: TypeAlias = Literal[
    "input",
    "conv",
    "batch_norm",
    "linear",
    "relu",
    "relu6",
    "hardswish",
    "hardsigmoid",
    "max_pool",
    "avg_pool",
    "adaptive_avg_pool",
    "dropout",
    "flatten",
    "split",
    "channel_shuffle",
    "concat",
    "add",
    "mul",
    "output",
]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
# The kinds that own tensors; the others are functions of their inputs alone.
WEIGHTED: Final = frozenset({"conv", "batch_norm", "linear"})
# The kinds that take several inputs; only a sum and a product are the same both ways.
COMMUTATIVE: Final = frozenset({"add", "mul"})
JOINS: Final = COMMUTATIVE | {"concat"}
# How a linear layer's weight lies; a layer declares it, a shape could not tell.
LAYOUT: Final = "layout"
OUT_IN: Final = "out_in"
IN_OUT: Final = "in_out"
COUNTER: Final = "num_batches_tracked"

FRAMEWORK_OF: Mapping[Package, FrameworkName] = MappingProxyType(
    {"torchvision": "torch", "paddle.vision": "paddle"}
)


@dataclass(frozen=True, slots=True)
class Op:
    """One operation.

    Attributes:
        kind: what it does.
        inputs: indexes of the operations that feed it, in the order of its operands.
        settings: its hyper-parameters, in PyTorch's conventions.
        tensors: role ("weight", "bias", "running_mean", "running_var") -> key.
    """

    kind: Kind
    inputs: tuple[int, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetName:
    """A net of a package, written `package:model`."""

    package: Package
    model: str

    @property
    def framework(self) -> FrameworkName:
        """Whose names and layouts its tensors have."""
        return FRAMEWORK_OF[self.package]

    def __str__(self) -> str:
        return f"{self.package}:{self.model}"


@dataclass(frozen=True, slots=True)
class NetDescription:
    """A net in evaluation mode.

    Attributes:
        net: whose description it is.
        made_with: package -> version that it was taken from.
        image_size: height and width of the input that it was traced with, in pixels.
        ops: in execution order; the first is the input, the last the output.
        tensors: key -> shape and dtype, in the order of the state dict; those that no
            operation uses are never read in evaluation.
    """

    net: NetName
    made_with: Mapping[str, str]
    image_size: int
    ops: tuple[Op, ...]
    tensors: Mapping[str, TensorInfo]

    def shape(self, op: Op, role: str) -> tuple[int, ...]:
        """Shape of an operation's tensor, as PyTorch would lay it out."""
        shape = self.tensors[op.tensors[role]].shape
        swapped = role == "weight" and op.settings.get(LAYOUT) == IN_OUT
        return shape[::-1] if swapped else shape

    def name(self, index: int) -> str:
        """What to call an operation: its layer, or where it stands."""
        op = self.ops[index]
        if op.tensors:
            return layer_of(op)
        if not op.inputs:
            return "the input"
        above = index
        while self.ops[above].inputs and not self.ops[above].tensors:
            above = self.ops[above].inputs[0]
        return f"the {op.kind} after {self.name(above)}"

    @property
    def unread(self) -> tuple[str, ...]:
        """Keys that evaluation never reads: counters and auxiliary classifiers."""
        read = {key for op in self.ops for key in op.tensors.values()}
        return tuple(key for key in self.tensors if key not in read)

    @property
    def classifier(self) -> int:
        """Index of the layer that makes the logits: the last with a weight matrix."""
        return max(i for i, op in enumerate(self.ops) if op.kind in ("conv", "linear"))

    @property
    def num_classes(self) -> int:
        """How many logits it gives."""
        return self.shape(self.ops[self.classifier], "weight")[0]

    def with_classes(self, count: int) -> NetDescription:
        """The same net with another number of classes."""
        op, changed = self.ops[self.classifier], dict(self.tensors)
        for role, key in op.tensors.items():
            shape = (count, *self.shape(op, role)[1:])
            swapped = role == "weight" and op.settings.get(LAYOUT) == IN_OUT
            changed[key] = TensorInfo(
                shape[::-1] if swapped else shape, changed[key].dtype
            )
        return replace(self, tensors=changed)


def layer_of(op: Op) -> str:
    """The dotted name of the layer that owns an operation's tensors."""
    return next(iter(op.tensors.values())).rpartition(".")[0]


def to_json(net: NetDescription) -> dict[str, Any]:
    """A description as plain JSON values."""
    return {
        "format": FORMAT,
        "net": str(net.net),
        "made_with": dict(net.made_with),
        "image_size": net.image_size,
        "tensors": [[k, list(t.shape), t.dtype] for k, t in net.tensors.items()],
        "ops": [
            [op.kind, list(op.inputs), dict(op.settings), dict(op.tensors)]
            for op in net.ops
        ],
    }


def from_json(value: Mapping[str, Any]) -> NetDescription:
    """The inverse of `to_json`.

    Raises:
        InputError: another format, or an operation that is not in our vocabulary.
    """
    if value.get("format") != FORMAT:
        message = f"a net's description of format {value.get('format')!r}; we read 1"
        raise InputError(message)
    package, _, model = value["net"].partition(":")
    return NetDescription(
        NetName(package, model),
        value["made_with"],
        value["image_size"],
        tuple(_op(index, *fields) for index, fields in enumerate(value["ops"])),
        {
            key: TensorInfo(tuple(shape), dtype)
            for key, shape, dtype in value["tensors"]
        },
    )


def _op(
    index: int,
    kind: Any,
    inputs: list[int],
    settings: Mapping[str, Any],
    tensors: Mapping[str, str],
) -> Op:
    if kind not in KINDS or any(not 0 <= i < index for i in inputs):
        message = f"operation {index} of a net's description: {kind!r} of {inputs}"
        raise InputError(message)
    values = {k: tuple(v) if type(v) is list else v for k, v in settings.items()}
    return Op(kind, tuple(inputs), values, tensors)
