"""Both frameworks, for tests that speak to them directly.

Paddle warns while it is imported, and warnings are errors here; our backend imports
it without.
"""

# ruff: noqa: I001  # the backend first
from ppim_port.backends import paddle as _backend

import paddle
import torch

__all__ = ["paddle", "torch"]

assert _backend.BACKEND.name == "paddle"
