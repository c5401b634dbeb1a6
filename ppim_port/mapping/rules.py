"""The map between the frameworks, as data: what each kind of layer's tensors become.

| torch | Paddle | action |
|---|---|---|
| Conv weight, bias; batch norm weight, bias | the same | copy |
| Linear weight `[out, in]` | `[in, out]` (paddle.nn.Linear) | transpose |
| running_mean, running_var | _mean, _variance | rename |
| num_batches_tracked | - | dropped; 0 the other way |
| weight_diff, weight_gamma, weight_beta | the same | copy |

What a switchable convolution has beyond a plain one says how it starts from that: a
plain net's file may lack all of it.

A transpose is declared by the layer and never guessed: a square weight would fit
both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ppim_port.models.family import Layer, LayerKind, Shape
from ppim_port.state_dict import FrameworkName

# The `Action` that makes a tensor that a plain net's file has not.
Start: TypeAlias = Literal["create", "ones", "mean", "deviation"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One tensor of a layer.

    Attributes:
        torch: its name in PyTorch.
        paddle: its name in Paddle; None if Paddle has no such tensor.
        transpose: whether the axes are swapped between the two.
        is_bias: whether a layer has it only if it has a bias.
        counter: whether it is an int64 scalar that evaluation never reads.
        variance: whether it can hold no negative number.
        start: the action that makes it where a plain net's file has no such tensor;
            None if every net's file has one.
    """

    torch: str
    paddle: str | None
    transpose: bool = False
    is_bias: bool = False
    counter: bool = False
    variance: bool = False
    start: Start | None = None

    def name(self, framework: FrameworkName) -> str | None:
        """The leaf's name in a framework, None if it has none there."""
        return self.torch if framework == "torch" else self.paddle


# Tensors of the shape of the layer; the others have a number a channel.
WHOLE = ("weight", "weight_diff")
_MOMENTS = (
    Leaf("weight_gamma", "weight_gamma", start="deviation"),
    Leaf("weight_beta", "weight_beta", start="mean"),
)
LEAVES: Mapping[LayerKind, tuple[Leaf, ...]] = {
    "conv": (Leaf("weight", "weight"), Leaf("bias", "bias", is_bias=True)),
    "linear": (
        Leaf("weight", "weight", transpose=True),
        Leaf("bias", "bias", is_bias=True),
    ),
    "batch_norm": (
        Leaf("weight", "weight"),
        Leaf("bias", "bias"),
        Leaf("running_mean", "_mean"),
        Leaf("running_var", "_variance", variance=True),
        Leaf("num_batches_tracked", None, counter=True),
    ),
    "conv_aws": (
        Leaf("weight", "weight"),
        Leaf("bias", "bias", is_bias=True),
        *_MOMENTS,
    ),
    "saconv": (
        Leaf("weight", "weight"),
        Leaf("bias", "bias", is_bias=True),
        Leaf("weight_diff", "weight_diff", start="create"),
        *_MOMENTS,
    ),
    "switch": (
        Leaf("weight", "weight", start="create"),
        Leaf("bias", "bias", is_bias=True, start="ones"),
    ),
    "context": (
        Leaf("weight", "weight", start="create"),
        Leaf("bias", "bias", is_bias=True, start="create"),
    ),
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor as one framework holds it: our key, its shape there, and its leaf."""

    key: str
    shape: Shape
    dtype: str
    layer: Layer
    leaf: Leaf


def _spec(layer: Layer, leaf: Leaf, framework: FrameworkName) -> TensorSpec | None:
    name = leaf.name(framework)
    if name is None or (leaf.is_bias and not layer.bias):
        return None
    shape = layer.shape if leaf.torch in WHOLE else layer.shape[:1]
    if leaf.counter:
        shape = ()
    if leaf in _MOMENTS:
        shape = (*layer.shape[:1], 1, 1, 1)
    if leaf.transpose and framework == "paddle":
        shape = shape[::-1]
    dtype = "int64" if leaf.counter else "float32"
    return TensorSpec(f"{layer.name}.{name}", shape, dtype, layer, leaf)


def tensors(
    layers: Iterable[Layer], framework: FrameworkName
) -> tuple[TensorSpec, ...]:
    """Every tensor of a net in a framework, in the order of its state dict."""
    specs = (
        _spec(layer, leaf, framework) for layer in layers for leaf in LEAVES[layer.kind]
    )
    return tuple(spec for spec in specs if spec is not None)
