"""ResNet with switchable convolutions in Paddle; mirrors `torch_net.py`.

Same classes, order, attribute names. Keys equal those of a plain ResNet, with more for
what the convolutions have beyond plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import nn

from ppim_port.models.resnet_sac.family import (
    EXPANSION,
    STAGE_CHANNELS,
    STEM_CHANNELS,
    SWITCHABLE,
    ResNetSacConfig,
    check_input_size,
)
from ppim_port.models.staged_paddle import Staged
from ppim_port.ops.saconv_paddle import ConvAWS2d, SAConv2d


class Bottleneck(nn.Layer):
    """ResNet's bottleneck, its stride and its switchable convolution in the middle."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, *, switchable: bool
    ) -> None:
        super().__init__()
        out_channels = channels * EXPANSION
        middle = SAConv2d if switchable else ConvAWS2d
        self.conv1 = ConvAWS2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2D(channels)
        self.conv2 = middle(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2D(channels)
        self.conv3 = ConvAWS2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2D(out_channels)
        self.relu = nn.ReLU()
        self.downsample = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Sequential(
                ConvAWS2d(in_channels, out_channels, 1, stride, bias=False),
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
    """DetectoRS's backbone (arXiv 2006.02334): the stem and the four stages.

    Args:
        config: variant.
    """

    def __init__(self, config: ResNetSacConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = ConvAWS2d(3, STEM_CHANNELS, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2D(STEM_CHANNELS)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2D(3, 2, 1)
        self.layer1 = self._stage(0)
        self.layer2 = self._stage(1)
        self.layer3 = self._stage(2)
        self.layer4 = self._stage(3)

    def parts(self) -> list[Sequence[nn.Layer]]:
        """See `Staged.parts`."""
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return [[self.conv1, self.bn1], *([stage] for stage in stages)]

    def _stage(self, stage: int) -> nn.Sequential:
        channels = STAGE_CHANNELS[stage]
        before = STAGE_CHANNELS[stage - 1] * EXPANSION if stage else STEM_CHANNELS
        how = {"switchable": SWITCHABLE[stage]}
        first = Bottleneck(before, channels, 2 if stage else 1, **how)
        rest = range(1, self.config.blocks[stage])
        return nn.Sequential(
            first, *(Bottleneck(channels * EXPANSION, channels, 1, **how) for _ in rest)
        )


class ResNetSac(Backbone):
    """The backbone with ResNet's classifier.

    Args:
        config: variant and classes.
    """

    def __init__(self, config: ResNetSacConfig) -> None:
        super().__init__(config)
        self.fc = nn.Linear(STAGE_CHANNELS[3] * EXPANSION, config.num_classes)

    def forward_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]` to the last feature map `[N, 2048, H / 32, W / 32]`.

        Raises:
            InputSizeError: a side of under 65 pixels.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """The last feature map to logits `[N, num_classes]`."""
        return self.fc(features.mean([2, 3]))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))


def build(config: ResNetSacConfig) -> ResNetSac:
    """The net with Paddle's own initial weights, in training mode."""
    return ResNetSac(config)
