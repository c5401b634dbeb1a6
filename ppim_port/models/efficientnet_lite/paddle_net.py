"""EfficientNet-Lite in Paddle; mirrors `torch_net.py`: same classes, order, names.

Keys equal those of the package efficientnet-lite-pytorch without its underscores.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import nn
from paddle.nn import functional

from ppim_port.models.efficientnet_lite.family import (
    EPSILON,
    HEAD_CHANNELS,
    MOMENTUM,
    STEM_CHANNELS,
    Block,
    EfficientNetLiteConfig,
    check_input_size,
    same_padding,
)
from ppim_port.models.staged_paddle import Staged

STEM_KERNEL_SIZE = 3
STEM_STRIDE = 2


def pad(x: paddle.Tensor, kernel_size: int, stride: int) -> paddle.Tensor:
    """Zeros around `[N, C, H, W]` as TensorFlow's "same" puts them."""
    top, bottom = same_padding(x.shape[2], kernel_size, stride)
    left, right = same_padding(x.shape[3], kernel_size, stride)
    return functional.pad(x, [left, right, top, bottom])


def norm(channels: int) -> nn.BatchNorm2D:
    """A batch norm with the official settings."""
    return nn.BatchNorm2D(channels, momentum=1 - MOMENTUM, epsilon=EPSILON)


class InvertedResidual(nn.Layer):
    """1x1 convolution to more channels, depthwise convolution, 1x1 convolution."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block
        inner = block.expanded
        size, stride = block.kernel_size, block.stride
        self.expand_conv = (
            nn.Conv2D(block.in_channels, inner, 1, bias_attr=False)
            if block.expands
            else nn.Identity()
        )
        self.bn0 = norm(inner) if block.expands else nn.Identity()
        # With a stride the padding is lopsided, which no convolution can do itself.
        own = size // 2 if stride == 1 else 0
        self.depthwise_conv = nn.Conv2D(
            inner, inner, size, stride, own, groups=inner, bias_attr=False
        )
        self.bn1 = norm(inner)
        self.project_conv = nn.Conv2D(inner, block.out_channels, 1, bias_attr=False)
        self.bn2 = norm(block.out_channels)
        self.relu6 = nn.ReLU6()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, in, H, W]` to `[N, out, ceil(H / stride), ceil(W / stride)]`."""
        out = x
        if self.block.expands:
            out = self.relu6(self.bn0(self.expand_conv(out)))
        if self.block.stride > 1:
            out = pad(out, self.block.kernel_size, self.block.stride)
        out = self.relu6(self.bn1(self.depthwise_conv(out)))
        out = self.bn2(self.project_conv(out))
        return out + x if self.block.adds_input else out


class EfficientNetLite(Staged):
    """The classification net.

    Args:
        config: variant and classes.
    """

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__()
        self.config = config
        blocks = config.blocks
        self.conv_stem = nn.Conv2D(
            3, STEM_CHANNELS, STEM_KERNEL_SIZE, STEM_STRIDE, bias_attr=False
        )
        self.bn0 = norm(STEM_CHANNELS)
        self.blocks = nn.Sequential(*(InvertedResidual(block) for block in blocks))
        last = blocks[-1].out_channels
        self.conv_head = nn.Conv2D(last, HEAD_CHANNELS, 1, bias_attr=False)
        self.bn1 = norm(HEAD_CHANNELS)
        self.relu6 = nn.ReLU6()
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        self.dropout = nn.Dropout(config.scale.dropout)
        self.fc = nn.Linear(HEAD_CHANNELS, config.num_classes)

    def parts(self) -> list[Sequence[nn.Layer]]:
        """See `Staged.parts`; the last convolution belongs to the classifier."""
        blocks = list(self.blocks)
        stages = [blocks[at] for at in self.config.stages]
        return [[self.conv_stem, self.bn0], *stages]

    def forward_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]` to `[N, 1280, ceil(H / 32), ceil(W / 32)]`.

        Raises:
            InputSizeError: an empty image.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.conv_stem(pad(x, STEM_KERNEL_SIZE, STEM_STRIDE))
        x = self.blocks(self.relu6(self.bn0(x)))
        return self.relu6(self.bn1(self.conv_head(x)))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """The last feature map to logits `[N, num_classes]`."""
        return self.fc(self.dropout(self.avgpool(features).flatten(1)))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))


def build(config: EfficientNetLiteConfig) -> EfficientNetLite:
    """The net with Paddle's own initial weights, in training mode."""
    return EfficientNetLite(config)
