"""Real nets of either framework, with the same made-up weights."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ppim_port.backends import Backend, Precision, get_backend
from ppim_port.models.rednet.family import RedNetConfig
from ppim_port.state_dict import Array, FrameworkName
from tests.support.states import made_state, rednet

REDNET26 = rednet("26")

# float64, largest difference of a logit over the largest logit of its row, torch
# against Paddle: 4e-15 measured with torch 2.13.0 and paddlepaddle 3.3.1, while a
# wrong port is above 1e-6.
PARITY = 1e-9


@cache
def net(
    framework: FrameworkName,
    config: RedNetConfig = REDNET26,
    precision: Precision = "float32",
) -> tuple[Backend, Any]:
    """A backend and a net of it; shared, so nobody may change it."""
    backend = get_backend(framework)
    model = backend.build(config, precision=precision)
    backend.load(model, made_state(config, framework))
    return backend, model


def logits(
    framework: FrameworkName,
    images: Array,
    config: RedNetConfig = REDNET26,
    precision: Precision = "float64",
) -> Array:
    """What a net with made-up weights says to images."""
    backend, model = net(framework, config, precision)
    return backend.predict(model, images.astype(precision))


def relative(found: Array, reference: Array) -> float:
    """Largest difference over the largest value of its row; NaN if anything is."""
    scale = np.abs(reference).max(axis=1)
    return float((np.abs(found - reference).max(axis=1) / scale).max())
