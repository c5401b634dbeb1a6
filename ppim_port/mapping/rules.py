"""The map between the frameworks, as data: what each kind of layer's tensors become.

| torch | Paddle | action |
|---|---|---|
| Conv weight, bias; batch norm weight, bias | the same | copy |
| Linear weight `[out, in]` | `[in, out]` (paddle.nn.Linear) | transpose |
| running_mean, running_var | _mean, _variance | rename |
| num_batches_tracked | - | dropped; 0 the other way |

A transpose is declared by the layer and never guessed: a square weight would fit
both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ppim_port.models.family import Layer, LayerKind, Shape
from ppim_port.state_dict import FrameworkName


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
    """

    torch: str
    paddle: str | None
    transpose: bool = False
    is_bias: bool = False
    counter: bool = False
    variance: bool = False

    def name(self, framework: FrameworkName) -> str | None:
        """The leaf's name in a framework, None if it has none there."""
        return self.torch if framework == "torch" else self.paddle


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
    shape = layer.shape if leaf.torch == "weight" else layer.shape[:1]
    if leaf.counter:
        shape = ()
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
