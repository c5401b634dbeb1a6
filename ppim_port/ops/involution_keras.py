"""Involution as a Keras 3 layer, on the torch, JAX and TensorFlow backends alike.

After keras.io/examples/vision/involution (Aritra Roy Gosthipaty, Apache-2.0), whose
files' names it keeps: weights that the example saved load as they are. The patches are
never built, which would be K*K times the input: taps are shifted views.

The example and the paper (arXiv 2103.06255) are two conventions, and a layer follows
one of them, because weights of one give wrong numbers in the other without a word:

| | "keras", the example's | "paper", our torch and Paddle layers' |
|---|---|---|
| channel c belongs to group | `c % G` (interleaved) | `c // (C // G)` (neighbours) |
| generator's output t of group g is number | `t * G + g` | `g * K * K + t` |
| padding | "same": the odd zero at the end | `(K - 1) // 2` zeros on each side |
| kernels with a stride | "same" average pooling | average pooling without padding |

With one group and stride 1 they are equal. Refused: what a convention does not define,
such as an even kernel size, or sides that the stride does not divide, in the paper's.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import keras
from keras import ops

from ppim_port.errors import InputSizeError

Convention: TypeAlias = Literal["keras", "paper"]
Sizes: TypeAlias = "tuple[int | None, ...]"


@keras.saving.register_keras_serializable(package="ppim_port")
class Involution(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Weigh each position's neighbourhood by a kernel that is made of that position.

    Kernels come from the input itself: (average pool where stride > 1), 1x1
    convolution to `channel // reduction_ratio`, batch norm, ReLU, 1x1 convolution to
    `K * K * group_number`.

    Input: `[N, H, W, C]`, floating point, channels last whatever Keras' own setting
    is; C a multiple of `group_number`. N, H and W may be unknown.
    Output: `[N, ceil(H / stride), ceil(W / stride), C]` in the layer's compute dtype;
    with `return_kernel` a pair of it and the kernels, `[N, H', W', K * K, 1, G]`.

    Args:
        channel: decides the generator's width; as a rule the input's channels, which
            the example does not ask for either.
        group_number: G, kernels a position.
        kernel_size: K.
        stride: step between output positions, in input pixels.
        reduction_ratio: `channel` over the width of the generator.
        return_kernel: whether to return the kernels too; the example always does.
        convention: "keras" or "paper", see the module.
        use_bias: whether the generator's first convolution has a bias; the paper's has
            none.
        momentum: of the generator's batch norm: the part of the old value that is kept.
        epsilon: of the generator's batch norm.
        name: of the layer.
        trainable: whether its weights are trained.
        dtype: a dtype's name or a dtype policy.

    Raises:
        ValueError: arguments, or an input's rank or channels, that do not go together.
        InputSizeError: in the paper's convention, sides that the stride does not
            divide; it is a ValueError too.
    """

    def __init__(
        self,
        channel: int,
        group_number: int = 1,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        reduction_ratio: int = 1,
        return_kernel: bool = False,
        convention: Convention = "keras",
        use_bias: bool = True,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.channel = channel
        self.group_number = group_number
        self.kernel_size = kernel_size
        self.stride = stride
        self.reduction_ratio = reduction_ratio
        self.return_kernel = return_kernel
        self.convention = convention
        self.use_bias = use_bias
        self.momentum = momentum
        self.epsilon = epsilon
        self._refuse_arguments()
        self.kernel_gen = self._generator()

    def _refuse_arguments(self) -> None:
        counts = ("channel", "group_number", "kernel_size", "stride", "reduction_ratio")
        bad = [
            f"{name}={getattr(self, name)!r}, expected a whole number of 1 or more"
            for name in counts
            if type(getattr(self, name)) is not int or getattr(self, name) < 1
        ]
        if not bad and self.channel < self.reduction_ratio:
            bad = [
                f"reduction_ratio={self.reduction_ratio} leaves no channel of "
                f"channel={self.channel}"
            ]
        if self.convention not in get_args(Convention):
            bad.append(f"convention={self.convention!r}, expected 'keras' or 'paper'")
        elif self.convention == "paper" and not bad and self.kernel_size % 2 == 0:
            bad.append(f"kernel_size={self.kernel_size}: the paper's kernels are odd")
        if bad:
            message = f"Involution: {'; '.join(bad)}. No layer was made."
            raise ValueError(message)

    def _generator(self) -> Any:
        layers = keras.layers
        dtype = self.dtype_policy
        span = self.kernel_size**2 * self.group_number
        made = keras.Sequential(
            [
                _pointwise(
                    self.channel // self.reduction_ratio,
                    use_bias=self.use_bias,
                    dtype=dtype,
                ),
                layers.BatchNormalization(
                    momentum=self.momentum, epsilon=self.epsilon, dtype=dtype
                ),
                layers.ReLU(dtype=dtype),
                _pointwise(span, use_bias=True, dtype=dtype),
            ],
            name="kernel_gen",
        )
        # It takes none, and would round a float64 input to float32 (Keras 3.15.1).
        made.dtype_policy = dtype
        return made

    def build(self, input_shape: Sizes) -> None:
        """Make the weights for inputs of `[N, H, W, C]`."""
        self._refuse_shape(input_shape)
        batch, height, width, channels = input_shape
        self.kernel_gen.build((batch, self._out(height), self._out(width), channels))

    def _refuse_shape(self, shape: Sizes) -> None:
        if len(shape) != 4 or shape[-1] is None or shape[-1] % self.group_number:
            message = (
                f"{self.name}: an input of {tuple(shape)}, expected [N, H, W, C] with "
                f"C a multiple of group_number={self.group_number}."
            )
            raise ValueError(message)
        sides = shape[1:3]
        if self.convention == "paper" and any(n and n % self.stride for n in sides):
            message = (
                f"{self.name}: sides of {sides[0]}x{sides[1]}, expected multiples of "
                f"the stride, {self.stride}: the paper's convention pools without "
                "padding. Nothing was computed; convention='keras' pads."
            )
            raise InputSizeError(message)

    def _out(self, size: int | None) -> int | None:
        return None if size is None else -(-size // self.stride)

    def compute_output_shape(self, input_shape: Sizes) -> Any:
        """`[N, H', W', C]`; with `return_kernel` a pair of it and the kernels'."""
        self._refuse_shape(input_shape)
        batch, height, width, channels = input_shape
        place = (batch, self._out(height), self._out(width))
        if not self.return_kernel:
            return (*place, channels)
        kernel = (*place, self.kernel_size**2, 1, self.group_number)
        return (*place, channels), kernel

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """`[N, H, W, C]` to `[N, H', W', C]`, or a pair of it and the kernels."""
        self._refuse_shape(tuple(inputs.shape))
        kernel = self._kernels(inputs, training)
        output = self._weighed(inputs, kernel)
        return (output, kernel) if self.return_kernel else output

    def _kernels(self, inputs: Any, training: bool | None) -> Any:
        """`[N, H', W', K * K, 1, G]`, whatever the convention."""
        made = self.kernel_gen(self._pooled(inputs), training=training)
        taps, groups = self.kernel_size**2, self.group_number
        place = tuple(ops.shape(made))[:3]
        if self.convention == "keras":
            return ops.reshape(made, (*place, taps, 1, groups))
        split = ops.reshape(made, (*place, groups, taps))
        return ops.expand_dims(ops.swapaxes(split, -1, -2), -2)

    def _pooled(self, inputs: Any) -> Any:
        """Means of `stride` by `stride` pixels; zeros at the edge are not counted.

        Not by Keras' pooling layer: on its torch backend (3.15.1) "same" repeats the
        edge instead.
        """
        if self.stride == 1:
            return inputs
        count, height, width, channels = ops.shape(inputs)
        padded, counted = inputs, None
        if not (_divides(self.stride, height) and _divides(self.stride, width)):
            ones = ops.ones_like(inputs[:1, :, :, :1])
            padded = self._to_whole_cells(inputs, height, width)
            counted = self._sums(self._to_whole_cells(ones, height, width), 1, 1)
        total = self._sums(padded, count, channels)
        return total / (self.stride**2 if counted is None else counted)

    def _to_whole_cells(self, x: Any, height: Any, width: Any) -> Any:
        pads = []
        for size in (height, width):
            missing = -size % self.stride
            pads.append((missing // 2, missing - missing // 2))
        return _padded(x, pads, self.stride - 1)

    def _sums(self, x: Any, count: Any, channels: int) -> Any:
        step = self.stride
        _, height, width, _ = ops.shape(x)
        cells = (count, height // step, step, width // step, step, channels)
        return ops.sum(ops.reshape(x, cells), axis=(2, 4))

    def _weighed(self, inputs: Any, kernel: Any) -> Any:
        size, step, groups = self.kernel_size, self.stride, self.group_number
        _, rows, columns = tuple(ops.shape(kernel))[:3]
        x = _padded(inputs, [self._pad(n) for n in ops.shape(inputs)[1:3]], size - 1)
        count, height, width, channels = ops.shape(x)
        # Channels of a group share a kernel: [C / G, G] here, [G, C / G] in the paper.
        paper = self.convention == "paper"
        members = channels // groups
        split = (groups, members) if paper else (members, groups)
        x = ops.reshape(x, (count, height, width, *split))
        total = None
        for tap in range(size**2):
            i, j = divmod(tap, size)
            end, last = i + step * (rows - 1) + 1, j + step * (columns - 1) + 1
            seen = x[:, i:end:step, j:last:step]
            weight = kernel[:, :, :, tap]
            term = seen * (ops.swapaxes(weight, -1, -2) if paper else weight)
            total = term if total is None else total + term
        return ops.reshape(total, (count, rows, columns, channels))

    def _pad(self, size: Any) -> tuple[Any, Any]:
        """Zeros before and after one side."""
        if self.convention == "paper":
            return (self.kernel_size - 1) // 2, (self.kernel_size - 1) // 2
        steps = -(-size // self.stride)
        short = (steps - 1) * self.stride + self.kernel_size - size
        short = max(short, 0) if isinstance(short, int) else ops.maximum(short, 0)
        return short // 2, short - short // 2

    def get_config(self) -> dict[str, Any]:
        """Every argument, so that `from_config` makes the same layer again."""
        return {
            **super().get_config(),
            "channel": self.channel,
            "group_number": self.group_number,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "reduction_ratio": self.reduction_ratio,
            "return_kernel": self.return_kernel,
            "convention": self.convention,
            "use_bias": self.use_bias,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


def _pointwise(filters: int, *, use_bias: bool, dtype: Any) -> Any:
    return keras.layers.Conv2D(
        filters, 1, use_bias=use_bias, data_format="channels_last", dtype=dtype
    )


def _divides(step: int, size: Any) -> bool:
    """Whether a side is known, and a multiple."""
    return isinstance(size, int) and size % step == 0


def _padded(x: Any, pads: list[tuple[Any, Any]], most: int) -> Any:
    """Zeros around the sides of `[N, H, W, C]`.

    Args:
        x: what to pad.
        pads: before and after each side; numbers that TensorFlow knows when it runs
            are tensors.
        most: what no pad is above.
    """
    if all(isinstance(n, int) for pad in pads for n in pad):
        return ops.pad(x, ((0, 0), *pads, (0, 0)))
    # Keras pads by fixed numbers alone: too much is put on, and taken off.
    height, width = ops.shape(x)[1:3]
    (top, bottom), (left, right) = pads
    wide = ops.pad(x, ((0, 0), (most, most), (most, most), (0, 0)))
    return wide[
        :,
        most - top : most + height + bottom,
        most - left : most + width + right,
    ]
