"""RedNet in the form for inference: one program for every engine.

The layers are those of `torch_net.py` and `paddle_net.py`, with each batch norm folded
into the convolution before it, or applied by the involution before it.
"""

from __future__ import annotations

from itertools import chain
from typing import Generic, TypeVar

from ppim_port.inference.layers import Engine, Folder, Involution
from ppim_port.models.rednet.family import (
    GROUP_CHANNELS,
    KERNEL_SIZE,
    STAGE_CHANNELS,
    STEM_CHANNELS,
    RedNetConfig,
    check_input_size,
)

T = TypeVar("T")

# Stages that pictures go through one by one, since their maps fill the cache; behind
# them weights do, and a few pictures together read them once.
EARLY = 2


class InvolutionLayer(Generic[T]):
    """Kernel generator, involution, batch norm, ReLU."""

    def __init__(
        self,
        engine: Engine[T],
        folder: Folder,
        name: str,
        norm: str,
        *,
        channels: int,
        kernel_size: int,
        stride: int = 1,
    ) -> None:
        self._engine = engine
        self._stride = stride
        self._reduce = engine.convolution(
            folder.convolution(f"{name}.conv1.conv", f"{name}.conv1.bn", relu=True)
        )
        self._span = engine.convolution(
            folder.biased(f"{name}.conv2.conv"), kernels=True
        )
        groups = channels // GROUP_CHANNELS
        self._involve = engine.involution(
            Involution(*folder.affine(norm), kernel_size, groups, stride)
        )

    def __call__(self, x: T) -> T:
        """`[N, H, W, C]` to `[N, H / stride, W / stride, C]`."""
        seen = x if self._stride == 1 else self._engine.average_pool(x, self._stride)
        return self._involve(x, self._span(self._reduce(seen)))


class Bottleneck(Generic[T]):
    """1x1 convolution, involution, 1x1 convolution, and the shortcut."""

    def __init__(
        self, engine: Engine[T], folder: Folder, name: str, channels: int, stride: int
    ) -> None:
        make = engine.convolution
        self._enter = make(
            folder.convolution(f"{name}.conv1", f"{name}.bn1", relu=True)
        )
        self._involve = InvolutionLayer(
            engine,
            folder,
            f"{name}.conv2",
            f"{name}.bn2",
            channels=channels,
            kernel_size=KERNEL_SIZE,
            stride=stride,
        )
        self._leave = make(
            folder.convolution(f"{name}.conv3", f"{name}.bn3", relu=True)
        )
        self._shortcut = None
        if f"{name}.downsample.0.weight" in folder.state:
            down = f"{name}.downsample"
            self._shortcut = make(
                folder.convolution(f"{down}.0", f"{down}.1", stride=stride)
            )

    def __call__(self, x: T) -> T:
        """`[N, H, W, in]` to `[N, H / stride, W / stride, 4 * channels]`."""
        shortcut = x if self._shortcut is None else self._shortcut(x)
        return self._leave(self._involve(self._enter(x)), shortcut)


class RedNet(Generic[T]):
    """The net of arXiv 2103.06255, to be called with pictures.

    Args:
        engine: runs the layers.
        folder: reads them out of a live net's state.
        config: of that net.
    """

    def __init__(self, engine: Engine[T], folder: Folder, config: RedNetConfig) -> None:
        self._engine = engine
        half = STEM_CHANNELS // 2
        self._stem = (
            engine.convolution(
                folder.convolution("stem.0.conv", "stem.0.bn", stride=2, relu=True),
                first=True,
            ),
            InvolutionLayer(
                engine,
                folder,
                "stem.1",
                "stem.2",
                channels=half,
                kernel_size=config.stem_kernel_size,
            ),
            engine.convolution(
                folder.convolution("stem.4.conv", "stem.4.bn", relu=True)
            ),
        )
        self._stages = [
            [
                Bottleneck(
                    engine,
                    folder,
                    f"layer{stage + 1}.{block}",
                    STAGE_CHANNELS[stage],
                    2 if stage and not block else 1,
                )
                for block in range(blocks)
            ]
            for stage, blocks in enumerate(config.blocks)
        ]
        self._classify = engine.linear(folder.linear("fc"))

    def __call__(self, x: T) -> T:
        """Pictures `[N, H, W, 3]`, normalised, to logits `[N, num_classes]`.

        Raises:
            InputSizeError: a size that the official net cannot take either.
        """
        _, height, width, _ = self._engine.shape(x)
        check_input_size(height, width)
        x = self._engine.each(x, self._early)
        for block in chain(*self._stages[EARLY:]):
            x = block(x)
        return self._classify(self._engine.mean(x))

    def _early(self, x: T) -> T:
        """A picture through what has large maps and small weights."""
        for layer in self._stem:
            x = layer(x)
        x = self._engine.max_pool(x)
        for block in chain(*self._stages[:EARLY]):
            x = block(x)
        return x


def build(engine: Engine[T], folder: Folder, config: RedNetConfig) -> RedNet[T]:
    """The net's program; see `ppim_port.inference`."""
    return RedNet(engine, folder, config)
