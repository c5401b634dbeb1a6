"""What the attention and the nets make of maps and images, against numpy and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.errors import InputSizeError
from ppim_port.mapping import apply, describe, plan
from ppim_port.models.resnet_nam import paddle_net, torch_net
from ppim_port.models.resnet_nam.family import FAMILY
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.convert.conftest import CONVERT_CONFIG  # placeholder
