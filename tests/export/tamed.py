"""Made-up weights whose nets stay in float32's range."""

from __future__ import annotations

import numpy as np

from ppim_port.models.family import Config
from ppim_port.state_dict import FrameworkName, StateDict
from tests.support.states import made_state


def tamed_state(config: Config, framework: FrameworkName) -> StateDict:
    """As `made_state`; ResNet-SAC's sixteen branches add a twentieth, or overflow."""
    state = made_state(config, framework)
    if config.family == "resnet_sac":
        for key in (key for key in state if key.endswith("bn3.weight")):
            state[key] = state[key] * np.float32(0.05)
    return state
