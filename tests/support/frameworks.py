"""Both frameworks and what imports them, for tests that speak to them directly.

Paddle warns while it is imported, and warnings are errors here; our backend imports
it without, so it must come first.
"""

# ruff: noqa: I001  # the backend first
from ppim_port.backends import paddle as _backend

import paddle
import torch
from ppim_port.inference import paddle_form, torch_form
from ppim_port.inference.paddle_engine import PaddleEngine
from ppim_port.inference.torch_engine import TorchEngine
from ppim_port.models.rednet import paddle_net, torch_net
from ppim_port.models.resnet_nam import paddle_net as nam_paddle_net
from ppim_port.models.resnet_nam import torch_net as nam_torch_net
from ppim_port.ops import involution_paddle, involution_torch, native_paddle
from ppim_port.ops import saconv_paddle, saconv_torch

__all__ = [
    "PaddleEngine",
    "TorchEngine",
    "involution_paddle",
    "involution_torch",
    "nam_paddle_net",
    "nam_torch_net",
    "native_paddle",
    "paddle",
    "paddle_form",
    "paddle_net",
    "saconv_paddle",
    "saconv_torch",
    "torch",
    "torch_form",
    "torch_net",
]

assert _backend.BACKEND.name == "paddle"
