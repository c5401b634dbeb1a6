"""The map between the frameworks, as data: what each kind of layer's tensors become.

| torch | Paddle | action | Keras |
|---|---|---|---|
| Conv weight `[out, in, kh, kw]` | the same | copy | 0: `[kh, kw, in, out]`, permute |
| Conv bias | the same | copy | 1 |
| batch norm weight, bias | the same | copy | 0, 1 |
| Linear weight `[out, in]` | `[in, out]` (nn.Linear) | transpose | 0: `[in, out]` |
| Linear bias | the same | copy | 1 |
| running_mean, running_var | _mean, _variance | rename | 2, 3 |
| num_batches_tracked | - | dropped; 0 the other way | - |
| weight_diff, weight_gamma, weight_beta | the same | copy | no such layers |

Keras numbers a layer's tensors in its files, the trainable ones first, and names none.

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
        keras: its number among the layer's tensors in a Keras file; None if Keras has
            no such tensor.
        transpose: whether Paddle and Keras swap the axes of PyTorch's.
        filters: whether it holds a convolution's filters, which Keras lays out
            `[kh, kw, in, out]`.
        is_bias: whether a layer has it only if it has a bias.
        counter: whether it is an int64 scalar that evaluation never reads.
        variance: whether it can hold no negative number.
        start: the action that makes it where a plain net's file has no such tensor;
            None if every net's file has one.
    """

    torch: str
    paddle: str | None
    keras: int | None = None
    transpose: bool = False
    filters: bool = False
    is_bias: bool = False
    counter: bool = False
    variance: bool = False
    start: Start | None = None

    def name(self, framework: FrameworkName) -> str | None:
        """The leaf's name in a framework, None if it has none there."""
        if framework == "keras":
            return None if self.keras is None else f"vars/{self.keras}"
        return self.torch if framework == "torch" else self.paddle

    def order(self, framework: FrameworkName) -> tuple[int, ...]:
        """Which of PyTorch's axes each of a framework's is; empty if they are equal."""
        if self.transpose and framework != "torch":
            return (1, 0)
        return KERAS_FILTERS if self.filters and framework == "keras" else ()


KERAS_FILTERS = (2, 3, 1, 0)
"""Where each axis of a Keras convolution's kernel stands in PyTorch's."""

# Tensors of the shape of the layer; the others have a number a channel.
WHOLE = ("weight", "weight_diff")
_MOMENTS = (
    Leaf("weight_gamma", "weight_gamma", start="deviation"),
    Leaf("weight_beta", "weight_beta", start="mean"),
)
LEAVES: Mapping[LayerKind, tuple[Leaf, ...]] = {
    "conv": (
        Leaf("weight", "weight", 0, filters=True),
        Leaf("bias", "bias", 1, is_bias=True),
    ),
    "linear": (
        Leaf("weight", "weight", 0, transpose=True),
        Leaf("bias", "bias", 1, is_bias=True),
    ),
    "batch_norm": (
        Leaf("weight", "weight", 0),
        Leaf("bias", "bias", 1),
        Leaf("running_mean", "_mean", 2),
        Leaf("running_var", "_variance", 3, variance=True),
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


def moved_axes(
    leaf: Leaf, source: FrameworkName, target: FrameworkName
) -> tuple[int, ...]:
    """Where each of the target's axes stands in the source; empty if nowhere else."""
    before, after = leaf.order(source), leaf.order(target)
    if before == after:
        return ()
    straight = tuple(range(len(before or after)))
    return tuple((before or straight).index(axis) for axis in after or straight)


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
    order = leaf.order(framework)
    if len(order) == len(shape):
        shape = tuple(shape[axis] for axis in order)
    dtype = "int64" if leaf.counter else "float32"
    key = f"{layer.keras}/{name}" if framework == "keras" else f"{layer.name}.{name}"
    return TensorSpec(key, shape, dtype, layer, leaf)


def tensors(
    layers: Iterable[Layer], framework: FrameworkName
) -> tuple[TensorSpec, ...]:
    """Every tensor of a net in a framework, in the order of its state dict."""
    specs = (
        _spec(layer, leaf, framework) for layer in layers for leaf in LEAVES[layer.kind]
    )
    return tuple(spec for spec in specs if spec is not None)
