"""ResNet-SAC's feature maps in PyTorch; mirrors `paddle_features.py`.

The net is that of `torch_net.py` without its classifier: same blocks, same keys.
"""

from __future__ import annotations

import torch

from ppim_port.models.features import FeatureOptions, check_published_stages
from ppim_port.models.resnet_sac.family import (
    EXPANSION,
    STAGE_CHANNELS,
    ResNetSacConfig,
    check_input_size,
)
from ppim_port.models.resnet_sac.torch_net import Backbone


class ResNetSacFeatures(Backbone):
    """The backbone for a neck: maps of several stages.

    Args:
        config: of the net.
        options: which maps; strides and dilations are the published ones.
    """

    def __init__(self, config: ResNetSacConfig, options: FeatureOptions) -> None:
        check_published_stages(options, config.family)
        super().__init__(config)
        self.options = options
        channels = [stage * EXPANSION for stage in STAGE_CHANNELS]
        self.feature_info = options.infos(channels)
        self.freeze(options.frozen_stages, norm_eval=options.norm_eval)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images `[N, 3, H, W]` to a map for each of `out_indices`.

        Returns:
            `[N, channels, ceil(H / reduction), ceil(W / reduction)]` of each
            `feature_info`.

        Raises:
            InputSizeError: a side of under 65 pixels.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for (stage,) in self.parts()[1 : self.options.last + 2]:
            x = stage(x)
            maps.append(x)
        return tuple(maps[index] for index in self.options.out_indices)


def build(config: ResNetSacConfig, options: FeatureOptions) -> ResNetSacFeatures:
    """The net with PyTorch's own initial weights, in training mode."""
    return ResNetSacFeatures(config, options)
