"""ResNet-NAM in Paddle; mirrors `torch_net.py`: same classes, order, names.

Without attention the keys are those of torchvision's and paddle.vision's ResNets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paddle
from paddle import nn

from ppim_port.models.resnet_nam.family import (
    PENALTY,
    STAGE_CHANNELS,
    STEM_CHANNELS,
    ResNetNamConfig,
)
from ppim_port.models.staged_paddle import Staged


def importance(norm: Any) -> paddle.Tensor:
    """A batch norm's `|gamma| / sum(|gamma|)`, as `[1, C, 1, 1]`."""
    scale = norm.weight.abs()
    return (scale / scale.sum()).reshape([1, -1, 1, 1])


class ChannelAttention(nn.Layer):
    """`sigmoid(w * BN(x)) * x` with `w = |gamma| / sum(|gamma|)` over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2D(channels)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, C, H, W]` to the same."""
        return (importance(self.bn) * self.bn(x)).sigmoid() * x


class PixelAttention(nn.Layer):
    """The same over the places of the map: each is a channel of the batch norm."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2D(side * side)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, C, side, side]` to the same."""
        places = x.flatten(2).moveaxis(1, 2).unsqueeze(3)
        gate = (importance(self.bn) * self.bn(places)).sigmoid()
        return gate.squeeze(3).moveaxis(2, 1).reshape(x.shape) * x


class NormAttention(nn.Layer):
    """The attention at the end of a residual branch.

    Args:
        config: says which of the two there are; channel attention comes first.
        stage: 0 to 3.
    """

    def __init__(self, config: ResNetNamConfig, stage: int) -> None:
        super().__init__()
        channels = STAGE_CHANNELS[stage] * config.expansion
        self.channel = ChannelAttention(channels)
        self.pixel = (
            PixelAttention(config.side(stage)) if config.kind.pixel else nn.Identity()
        )

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, C, H, W]` to the same."""
        return self.pixel(self.channel(x))


class Block(nn.Layer):
    """What both residual blocks have: the branch's end and the shortcut."""

    def __init__(
        self, config: ResNetNamConfig, before: int, stage: int, stride: int
    ) -> None:
        super().__init__()
        after = STAGE_CHANNELS[stage] * config.expansion
        self._make_branch(before, STAGE_CHANNELS[stage], stride)
        self.nam = (
            NormAttention(config, stage) if config.kind.channel else nn.Identity()
        )
        self.relu = nn.ReLU()
        self.downsample = (
            nn.Identity()
            if stride == 1 and before == after
            else nn.Sequential(
                nn.Conv2D(before, after, 1, stride, bias_attr=False),
                nn.BatchNorm2D(after),
            )
        )

    def _make_branch(self, before: int, channels: int, stride: int) -> None:
        raise NotImplementedError

    def branch(self, x: paddle.Tensor) -> paddle.Tensor:
        """The residual branch without its attention."""
        raise NotImplementedError

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, before, H, W]` to `[N, after, H / stride, W / stride]`."""
        out = self.nam(self.branch(x))
        return self.relu(out + self.downsample(x))


class BasicBlock(Block):
    """Two 3x3 convolutions: of ResNet-18 and 34."""

    def _make_branch(self, before: int, channels: int, stride: int) -> None:
        self.conv1 = nn.Conv2D(before, channels, 3, stride, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(channels)
        self.conv2 = nn.Conv2D(channels, channels, 3, 1, 1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(channels)

    def branch(self, x: paddle.Tensor) -> paddle.Tensor:
        """See `Block.branch`."""
        out = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(out))


class Bottleneck(Block):
    """1x1, 3x3 and 1x1 convolution, the stride on the second: of ResNet-50 and up."""

    def _make_branch(self, before: int, channels: int, stride: int) -> None:
        self.conv1 = nn.Conv2D(before, channels, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(channels)
        self.conv2 = nn.Conv2D(channels, channels, 3, stride, 1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(channels)
        self.conv3 = nn.Conv2D(channels, channels * 4, 1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(channels * 4)

    def branch(self, x: paddle.Tensor) -> paddle.Tensor:
        """See `Block.branch`."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.bn3(self.conv3(out))


class Backbone(Staged):
    """The stem and the four stages: a net without its classifier.

    Args:
        config: variant, and with pixel attention the image's size.
    """

    def __init__(self, config: ResNetNamConfig) -> None:
        super().__init__()
        self.config = config
        cifar = config.kind.cifar
        self.conv1 = (
            nn.Conv2D(3, STEM_CHANNELS, 3, 1, 1, bias_attr=False)
            if cifar
            else nn.Conv2D(3, STEM_CHANNELS, 7, 2, 3, bias_attr=False)
        )
        self.bn1 = nn.BatchNorm2D(STEM_CHANNELS)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if cifar else nn.MaxPool2D(3, 2, 1)
        self.layer1 = self._stage(0)
        self.layer2 = self._stage(1)
        self.layer3 = self._stage(2)
        self.layer4 = self._stage(3)

    def parts(self) -> list[Sequence[nn.Layer]]:
        """See `Staged.parts`."""
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return [[self.conv1, self.bn1], *([stage] for stage in stages)]

    def _stage(self, stage: int) -> nn.Sequential:
        config = self.config
        block = BasicBlock if config.expansion == 1 else Bottleneck
        after = STAGE_CHANNELS[stage] * config.expansion
        before = (
            STAGE_CHANNELS[stage - 1] * config.expansion if stage else STEM_CHANNELS
        )
        first = block(config, before, stage, 2 if stage else 1)
        rest = range(1, config.blocks[stage])
        return nn.Sequential(first, *(block(config, after, stage, 1) for _ in rest))


class ResNetNam(Backbone):
    """The classification net of arXiv 2111.12419, or the ResNet that it builds on.

    Args:
        config: variant, classes, and with pixel attention the image's size.
    """

    def __init__(self, config: ResNetNamConfig) -> None:
        super().__init__(config)
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        self.fc = nn.Linear(STAGE_CHANNELS[3] * config.expansion, config.num_classes)

    def forward_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]` to the last map, an eighth or a 32nd of their side.

        Raises:
            InputSizeError: an empty image; with pixel attention, any size but its own.
        """
        self.config.check_input_size(x.shape[2], x.shape[3])
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """The last feature map to logits `[N, num_classes]`."""
        return self.fc(self.avgpool(features).flatten(1))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))

    def sparsity_penalty(self, strength: float = PENALTY) -> paddle.Tensor | float:
        """The paper's term of the loss, to be added to it in training.

        Args:
            strength: the paper's p.

        Returns:
            `strength` times the sum of the attentions' |gamma|, a scalar that carries
            gradients; 0 for a net without attention.
        """
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        found: list[Any] = [block.nam for stage in stages for block in stage]
        norms = [nam.channel.bn for nam in found if self.config.kind.channel]
        norms += [nam.pixel.bn for nam in found if self.config.kind.pixel]
        return strength * sum(norm.weight.abs().sum() for norm in norms)


def build(config: ResNetNamConfig) -> ResNetNam:
    """The net with Paddle's own initial weights, in training mode."""
    return ResNetNam(config)
