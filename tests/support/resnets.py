"""ResNet-NAM in tests: configurations, and the attention written out in numpy."""

from __future__ import annotations

import numpy as np

from ppim_port.backends import get_backend
from ppim_port.models.resnet_nam.family import FAMILY, ResNetNamConfig
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.support.states import made_state

EPSILON = 1e-5


def resnet(variant: str = "18_nam", *, num_classes: int = 100) -> ResNetNamConfig:
    """A ResNet's configuration, with as many classes as CIFAR-100."""
    return FAMILY.configure(variant, num_classes=num_classes)


def logits(framework: FrameworkName, images: Array, config: ResNetNamConfig) -> Array:
    """What a float64 net with made-up weights says to images; the net is not kept."""
    backend = get_backend(framework)
    model = backend.build(config, precision="float64")
    backend.load(model, made_state(config, framework))
    return backend.predict(model, images.astype("f8"))


def gates(x: Array, norm: StateDict, *, training: bool = False) -> Array:
    """`sigmoid(w * BN(x))` over axis 1, one number after the other.

    Args:
        x: `[N, C, P]`.
        norm: a batch norm's tensors, in PyTorch's names.
        training: by the statistics of `x`, not the running ones.
    """
    gamma = norm["weight"]
    total = sum(abs(float(value)) for value in gamma)
    out = np.empty_like(x)
    for place in range(x.shape[1]):
        row = x[:, place]
        mean = row.mean() if training else norm["running_mean"][place]
        variance = row.var() if training else norm["running_var"][place]
        normal = (row - mean) / np.sqrt(variance + EPSILON)
        normal = gamma[place] * normal + norm["bias"][place]
        weight = abs(float(gamma[place])) / total
        out[:, place] = 1 / (1 + np.exp(-weight * normal))
    return out


def channel_attention(x: Array, norm: StateDict, *, training: bool = False) -> Array:
    """What channel attention makes of `[N, C, H, W]`."""
    count, channels = x.shape[:2]
    flat = x.reshape(count, channels, -1)
    return (gates(flat, norm, training=training) * flat).reshape(x.shape)


def pixel_attention(x: Array, norm: StateDict, *, training: bool = False) -> Array:
    """What pixel attention makes of `[N, C, H, W]`: the same with the axes swapped."""
    count, channels = x.shape[:2]
    swapped = x.reshape(count, channels, -1).transpose(0, 2, 1)
    out = gates(swapped, norm, training=training) * swapped
    return out.transpose(0, 2, 1).reshape(x.shape)
