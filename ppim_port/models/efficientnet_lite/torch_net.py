"""EfficientNet-Lite in PyTorch; mirrors `paddle_net.py`: same classes, order, names.

Keys equal those of the package efficientnet-lite-pytorch without its underscores.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

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
from ppim_port.models.staged_torch import Staged

STEM_KERNEL_SIZE = 3
STEM_STRIDE = 2


def pad(x: torch.Tensor, kernel_size: int, stride: int) -> torch.Tensor:
    """Zeros around `[N, C, H, W]` as TensorFlow's "same" puts them."""
    top, bottom = same_padding(x.shape[2], kernel_size, stride)
    left, right = same_padding(x.shape[3], kernel_size, stride)
    return functional.pad(x, [left, right, top, bottom])


def norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm with the official settings."""
    return nn.BatchNorm2d(channels, momentum=MOMENTUM, eps=EPSILON)


class InvertedResidual(nn.Module):
    """1x1 convolution to more channels, depthwise convolution, 1x1 convolution."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block
        inner = block.expanded
        size, stride = block.kernel_size, block.stride
        self.expand_conv = (
            nn.Conv2d(block.in_channels, inner, 1, bias=False)
            if block.expands
            else nn.Identity()
        )
        self.bn0 = norm(inner) if block.expands else nn.Identity()
        # With a stride the padding is lopsided, which no convolution can do itself.
        own = size // 2 if stride == 1 else 0
        self.depthwise_conv = nn.Conv2d(
            inner, inner, size, stride, own, groups=inner, bias=False
        )
        self.bn1 = norm(inner)
        self.project_conv = nn.Conv2d(inner, block.out_channels, 1, bias=False)
        self.bn2 = norm(block.out_channels)
        self.relu6 = nn.ReLU6()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
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
        self.conv_stem = nn.Conv2d(
            3, STEM_CHANNELS, STEM_KERNEL_SIZE, STEM_STRIDE, bias=False
        )
        self.bn0 = norm(STEM_CHANNELS)
        self.blocks = nn.Sequential(*(InvertedResidual(block) for block in blocks))
        last = blocks[-1].out_channels
        self.conv_head = nn.Conv2d(last, HEAD_CHANNELS, 1, bias=False)
        self.bn1 = norm(HEAD_CHANNELS)
        self.relu6 = nn.ReLU6()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(config.scale.dropout)
        self.fc = nn.Linear(HEAD_CHANNELS, config.num_classes)

    def parts(self) -> list[Sequence[nn.Module]]:
        """See `Staged.parts`; the last convolution belongs to the classifier."""
        blocks = list(self.blocks)
        stages = [blocks[at] for at in self.config.stages]
        return [[self.conv_stem, self.bn0], *stages]

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, H, W]` to `[N, 1280, ceil(H / 32), ceil(W / 32)]`.

        Raises:
            InputSizeError: an empty image.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.conv_stem(pad(x, STEM_KERNEL_SIZE, STEM_STRIDE))
        x = self.blocks(self.relu6(self.bn0(x)))
        return self.relu6(self.bn1(self.conv_head(x)))

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        """The last feature map to logits `[N, num_classes]`."""
        return self.fc(self.dropout(self.avgpool(features).flatten(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))


def build(config: EfficientNetLiteConfig) -> EfficientNetLite:
    """The net with PyTorch's own initial weights, in training mode."""
    return EfficientNetLite(config)
