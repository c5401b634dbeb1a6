"""The nets of Keras' involution example in PyTorch; mirrors `paddle_net.py`.

The last map is flattened as Keras does, place by place with the channels innermost, so
that no weight of the dense layers needs its inputs in another order.
"""

from __future__ import annotations

import torch
from torch import nn

from ppim_port.models.involution_cifar.family import (
    EPSILON,
    HIDDEN,
    IMAGE_CHANNELS,
    KERNEL_SIZE,
    MOMENTUM,
    REDUCTION,
    InvolutionCifarConfig,
    check_input_size,
)
from ppim_port.ops.involution_torch import involution


class Involution(nn.Module):
    """Involution of one group and stride 1, with the example's kernel generator.

    Unlike RedNet's, its first convolution has a bias, and its batch norm has Keras'
    epsilon and momentum.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel_size = KERNEL_SIZE
        self.stride = 1
        self.dilation = 1
        self.groups = 1
        reduced = channels // REDUCTION
        self.kernel_gen = nn.Sequential(
            nn.Conv2d(channels, reduced, 1),
            nn.BatchNorm2d(reduced, momentum=MOMENTUM, eps=EPSILON),
            nn.ReLU(),
            nn.Conv2d(reduced, KERNEL_SIZE**2, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, C, H, W]` to the same."""
        weight = self.kernel_gen(x).unsqueeze(1)
        return involution(x, weight, kernel_size=KERNEL_SIZE)


class CifarNet(nn.Module):
    """The example's `inv_model` or `conv_model`, by the variant.

    Args:
        config: variant and classes.
    """

    def __init__(self, config: InvolutionCifarConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.channels
        self.mix1 = self._mix(IMAGE_CHANNELS, first)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2, 2)
        self.mix2 = self._mix(first, second)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2, 2)
        self.mix3 = self._mix(second, third)
        self.relu3 = nn.ReLU()
        self.fc1 = nn.Linear(config.features, HIDDEN)
        self.relu4 = nn.ReLU()
        self.fc2 = nn.Linear(HIDDEN, config.num_classes)

    def _mix(self, before: int, channels: int) -> nn.Module:
        """What mixes a place with its neighbours."""
        if self.config.variant == "involution":
            return Involution(channels)
        return nn.Conv2d(before, channels, KERNEL_SIZE, padding=1)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, 32, 32]` to the last feature map `[N, C, 8, 8]`.

        Raises:
            InputSizeError: images of another size.
        """
        check_input_size(x.shape[2], x.shape[3])
        x = self.pool1(self.relu1(self.mix1(x)))
        x = self.pool2(self.relu2(self.mix2(x)))
        return self.relu3(self.mix3(x))

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        """The last feature map `[N, C, 8, 8]` to logits `[N, num_classes]`."""
        flat = features.moveaxis(1, -1).flatten(1)
        return self.fc2(self.relu4(self.fc1(flat)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, 32, 32]`, pixels / 255, to logits `[N, num_classes]`."""
        return self.forward_head(self.forward_features(x))


def build(config: InvolutionCifarConfig) -> CifarNet:
    """The net with PyTorch's own initial weights, in training mode."""
    return CifarNet(config)
