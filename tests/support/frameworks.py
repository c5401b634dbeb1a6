"""Both frameworks and what imports them, for tests that speak to them directly.

Paddle warns while it is imported, and warnings are errors here; our backend imports
it without, so it must come first.
"""

# ruff: noqa: I001  # the backend first
from ppim_port.backends import paddle as _backend

import paddle
import torch
from ppim_port.models.rednet import paddle_net, torch_net
from ppim_port.ops import involution_paddle, involution_torch

__all__ = [
    "involution_paddle",
    "involution_torch",
    "paddle",
    "paddle_net",
    "torch",
    "torch_net",
]

assert _backend.BACKEND.name == "paddle"
