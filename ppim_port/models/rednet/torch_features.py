"""RedNet's feature maps in PyTorch; mirrors `paddle_features.py`.

The net is that of `torch_net.py` without its classifier: same blocks, same keys.
"""

from __future__ import annotations

import torch

from ppim_port.models.features import FeatureOptions
from ppim_port.models.rednet.family import (
    EXPANSION,
    STAGE_CHANNELS,
    RedNetConfig,
    check_input_size,
)
from ppim_port.models.rednet.torch_net import Backbone


class RedNetFeatures(Backbone):
    """The backbone for a neck: maps of several stages.

    Args:
        config: variant, and the stem's kernel size.
        options: which maps, and how the stages are set.
    """

    def __init__(self, config: RedNetConfig, options: FeatureOptions) -> None:
        super().__init__(config, options)
        channels = [stage * EXPANSION for stage in STAGE_CHANNELS]
        self.feature_info = options.infos(channels)
        self.freeze(options.frozen_stages, norm_eval=options.norm_eval)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images `[N, 3, H, W]` to a map for each of `out_indices`.

        Returns:
            `[N, channels, ceil(H / reduction), ceil(W / reduction)]` of each
            `feature_info`.

        Raises:
            InputSizeError: a size that these strides do not fit.
        """
        options = self.options
        check_input_size(x.shape[2], x.shape[3], options.used_strides)
        x = self.maxpool(self.stem(x))
        maps = []
        for (stage,) in self.parts()[1 : options.last + 2]:
            x = stage(x)
            maps.append(x)
        return tuple(maps[index] for index in options.out_indices)


def build(config: RedNetConfig, options: FeatureOptions) -> RedNetFeatures:
    """The net with PyTorch's own initial weights, in training mode."""
    return RedNetFeatures(config, options)
