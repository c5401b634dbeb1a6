"""A PyTorch net in its inference form, as a module: `net.fuse()`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ppim_port.inference.native_net import NativeNet, is_possible
from ppim_port.inference.programs import make_program
from ppim_port.inference.torch_engine import TorchEngine
from ppim_port.models.family import Config
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import Array

Program = Callable[[torch.Tensor], torch.Tensor]
_NATIVE = {torch.float32, torch.bfloat16}


class FusedNet(nn.Module):
    """A frozen copy of a net with its batch norms folded, channels-last inside.

    On the CPU in float32 and bfloat16 our C++ kernels run it, else PyTorch's own
    operators. Images decide on dtype and device; the first of a kind prepares the net
    for it. There is nothing to train: gradients are not tracked.

    Args:
        net: in the state that is to be frozen; later changes to it do not matter.
        config: of the net.
    """

    def __init__(self, net: nn.Module, config: Config) -> None:
        super().__init__()
        self.config = config
        self._frozen = {key: _array(t) for key, t in net.state_dict().items()}
        self._programs: dict[tuple[torch.dtype, torch.device], Program] = {}

    @torch.inference_mode()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`.

        Raises:
            InputSizeError: a size that the plain net cannot take either.
        """
        kind = (x.dtype, x.device)
        if kind not in self._programs:
            self._programs[kind] = self._program(x)
        return self._programs[kind](x)

    def _program(self, x: torch.Tensor) -> Program:
        if x.device.type == "cpu" and x.dtype in _NATIVE and is_possible(self.config):
            return self._native(x.dtype)
        run = make_program(TorchEngine(x), self._frozen, "torch", self.config)
        return lambda images: run(images.permute(0, 2, 3, 1))

    def _native(self, dtype: torch.dtype) -> Program:
        name: ElementType = "bfloat16" if dtype == torch.bfloat16 else "float32"
        net = NativeNet(self._frozen, "torch", self.config, dtype=name)

        def run(images: torch.Tensor) -> torch.Tensor:
            logits = net.predict(images.float().numpy(force=True))
            return torch.from_numpy(logits).to(dtype)

        return run


def _array(tensor: torch.Tensor) -> Array:
    # numpy has no bfloat16; float32 holds it exactly.
    half = tensor.dtype == torch.bfloat16
    return np.array((tensor.float() if half else tensor).numpy(force=True))
