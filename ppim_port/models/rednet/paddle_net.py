"""RedNet in Paddle; mirrors `torch_net.py`: same classes, order, attribute names.

Keys equal those of ppim's and PaddleClas's files.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import nn

from ppim_port.inference.paddle_form import FusedNet
from ppim_port.models.features import FeatureOptions
from ppim_port.models.rednet.family import (
    EXPANSION,
    GROUP_CHANNELS,
    KERNEL_SIZE,
    REDUCTION,
    STAGE_CHANNELS,
    STEM_CHANNELS,
    RedNetConfig,
    check_input_size,
)
from ppim_port.models.staged_paddle import Staged
from ppim_port.ops.involution_paddle import ConvModule, Involution


class Bottleneck(nn.Layer):
    """ResNet's bottleneck with an involution in place of the 3x3 convolution."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, dilation: int = 1
    ) -> None:
        super().__init__()
        out_channels = channels * EXPANSION
        self.conv1 = nn.Conv2D(in_channels, channels, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(channels)
        self.conv2 = Involution(
            channels,
            KERNEL_SIZE,
            stride,
            group_channels=GROUP_CHANNELS,
            reduction=REDUCTION,
            dilation=dilation,
        )
        self.bn2 = nn.BatchNorm2D(channels)
        self.conv3 = nn.Conv2D(channels, out_channels, 1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(out_channels)
        self.relu = nn.ReLU()
        self.downsample = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Sequential(
                nn.Conv2D(in_channels, out_channels, 1, stride, bias_attr=False),
                nn.BatchNorm2D(out_channels),
            )
        )

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, in, H, W]` to `[N, 4 * channels, H / stride, W / stride]`."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + self.downsample(x))


class Backbone(Staged):
    """The stem and the four stages: a RedNet without its classifier.

    Args:
        config: variant, and the stem's kernel size.
        options: strides and dilations of the stages; the published ones classify.
    """

    def __init__(
        self, config: RedNetConfig, options: FeatureOptions | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.options = options or FeatureOptions()
        half = STEM_CHANNELS // 2
        self.stem = nn.Sequential(
            ConvModule(3, half, kernel_size=3, stride=2),
            Involution(
                half,
                config.stem_kernel_size,
                group_channels=GROUP_CHANNELS,
                reduction=REDUCTION,
            ),
            nn.BatchNorm2D(half),
            nn.ReLU(),
            ConvModule(half, STEM_CHANNELS, kernel_size=3),
        )
        self.maxpool = nn.MaxPool2D(3, 2, 1)
        self.layer1 = self._stage(0)
        self.layer2 = self._stage(1)
        self.layer3 = self._stage(2)
        self.layer4 = self._stage(3)

    def parts(self) -> list[Sequence[nn.Layer]]:
        """See `Staged.parts`."""
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return [[self.stem], *([stage] for stage in stages)]

    def _stage(self, stage: int) -> nn.Sequential:
        channels = STAGE_CHANNELS[stage]
        before = STAGE_CHANNELS[stage - 1] * EXPANSION if stage else STEM_CHANNELS
        stride, dilation = self.options.strides[stage], self.options.dilations[stage]
        first = Bottleneck(before, channels, stride, dilation)
        rest = range(1, self.config.blocks[stage])
        return nn.Sequential(
            first,
            *(Bottleneck(channels * EXPANSION, channels, 1, dilation) for _ in rest),
        )


class RedNet(Backbone):
    """The classification net of arXiv 2103.06255.

    Args:
        config: variant, classes, and the stem's kernel size.
    """

    def __init__(self, config: RedNetConfig) -> None:
        super().__init__(config)
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        self.fc = nn.Linear(STAGE_CHANNELS[3] * EXPANSION, config.num_classes)

    def forward_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]` to the last feature map `[N, 2048, H / 32, W / 32]`.

        Raises:
            InputSizeError: a size that the official net cannot take either.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.maxpool(self.stem(x))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """The last feature map to logits `[N, num_classes]`."""
        return self.fc(self.avgpool(features).flatten(1))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))

    def fuse(self) -> FusedNet:
        """A frozen copy for inference: batch norms folded, and faster kernels."""
        return FusedNet(self, self.config)


def build(config: RedNetConfig) -> RedNet:
    """The net with Paddle's own initial weights, in training mode."""
    return RedNet(config)
