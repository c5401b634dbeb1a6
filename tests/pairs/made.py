"""Small nets as data, written by hand, and the recorded ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ppim_port.mapping import TensorInfo
from ppim_port.pairs import MODELS, NetDescription, NetName, Op, recorded
from ppim_port.pairs.records import IN_OUT, LAYOUT, OUT_IN, Package, Setting

# Built differently in the two packages, whatever their names say.
STRANGERS = ("googlenet", "shufflenet_v2_x2_0")
# The same layers, other settings, and what must be mended: how many settings differ.
MENDED = {
    "alexnet": 3,
    "inception_v3": 96,
    "mobilenet_v3_large": 8,
    "mobilenet_v3_small": 9,
    "squeezenet1_0": 4,
    "squeezenet1_1": 5,
}
SAME = tuple(m for m in MODELS if m not in STRANGERS and m not in MENDED)

CONV: Mapping[str, Setting] = {
    "stride": (1, 1),
    "padding": (0, 0),
    "dilation": (1, 1),
    "groups": 1,
}


def pair_of(model: str) -> tuple[NetDescription, NetDescription]:
    """Both packages' recorded nets of one name, torchvision's first."""
    return (
        recorded(NetName("torchvision", model)),
        recorded(NetName("paddle.vision", model)),
    )


class Net:
    """A net in the making; each method adds an operation and gives its index."""

    def __init__(self, package: Package = "torchvision") -> None:
        self.package: Package = package
        self.ops = [Op("input")]
        self.tensors: dict[str, TensorInfo] = {}

    def conv(self, name: str, above: int, channels: int = 3, **settings: Any) -> int:
        self.tensors[f"{name}.weight"] = TensorInfo((channels, 3, 1, 1), "float32")
        keys = {"weight": f"{name}.weight"}
        return self.add("conv", [above], {**CONV, **settings}, keys)

    def linear(self, name: str, above: int, size: int = 3) -> int:
        layout = OUT_IN if self.package == "torchvision" else IN_OUT
        self.tensors[f"{name}.weight"] = TensorInfo((size, size), "float32")
        return self.add(
            "linear", [above], {LAYOUT: layout}, {"weight": f"{name}.weight"}
        )

    def add(
        self,
        kind: Any,
        inputs: Sequence[int],
        settings: Mapping[str, Setting] | None = None,
        tensors: Mapping[str, str] | None = None,
    ) -> int:
        self.ops.append(Op(kind, tuple(inputs), settings or {}, tensors or {}))
        return len(self.ops) - 1

    def done(self, last: int) -> NetDescription:
        self.add("output", [last])
        name = NetName(self.package, "made-up")
        return NetDescription(name, {}, 8, tuple(self.ops), self.tensors)


def with_setting(
    net: NetDescription, index: int, name: str, value: Setting
) -> NetDescription:
    """The same net with one setting of one operation changed."""
    ops = list(net.ops)
    ops[index] = replace(ops[index], settings={**ops[index].settings, name: value})
    return replace(net, ops=tuple(ops))


def first(net: NetDescription, kind: Literal["conv", "batch_norm", "max_pool"]) -> int:
    """The first operation of a kind."""
    return next(i for i, op in enumerate(net.ops) if op.kind == kind)
