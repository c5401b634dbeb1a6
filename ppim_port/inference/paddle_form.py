"""A Paddle net in its inference form, as a layer; mirrors `torch_form.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle
from paddle import nn

from ppim_port.inference.native_net import NativeNet, is_possible
from ppim_port.inference.paddle_engine import PaddleEngine
from ppim_port.inference.programs import make_program
from ppim_port.models.family import Config
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import Array

Program = Callable[[paddle.Tensor], paddle.Tensor]
_NATIVE = (paddle.float32, paddle.bfloat16)


class FusedNet(nn.Layer):
    """A frozen copy of a net with its batch norms folded, channels-last inside.

    On the CPU in float32 and bfloat16 our C++ kernels run it, else Paddle's own
    operators. Images decide on dtype and place; the first of a kind prepares the net
    for it. There is nothing to train: gradients are not tracked.

    Args:
        net: in the state that is to be frozen; later changes to it do not matter.
        config: of the net.
    """

    def __init__(self, net: nn.Layer, config: Config) -> None:
        super().__init__()
        self.config = config
        self._frozen = {key: _array(t) for key, t in net.state_dict().items()}
        self._programs: dict[tuple[str, str], Program] = {}

    @paddle.no_grad()
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images `[N, 3, H, W]`, normalised, to logits `[N, num_classes]`.

        Raises:
            InputSizeError: a size that the plain net cannot take either.
        """
        kind = (str(x.dtype), str(x.place))
        if kind not in self._programs:
            self._programs[kind] = self._program(x)
        return self._programs[kind](x)

    def _program(self, x: paddle.Tensor) -> Program:
        if x.place.is_cpu_place() and x.dtype in _NATIVE and is_possible(self.config):
            return self._native(x.dtype)
        engine = PaddleEngine(x.dtype)
        run = make_program(engine, self._frozen, "paddle", self.config)
        return lambda images: run(images.transpose([0, 2, 3, 1]))

    def _native(self, dtype: paddle.dtype) -> Program:
        name: ElementType = "bfloat16" if dtype == paddle.bfloat16 else "float32"
        net = NativeNet(self._frozen, "paddle", self.config, dtype=name)

        def run(images: paddle.Tensor) -> paddle.Tensor:
            logits = net.predict(images.astype("float32").numpy())
            return paddle.to_tensor(logits).astype(dtype)

        return run


def _array(tensor: paddle.Tensor) -> Array:
    # numpy has no bfloat16; float32 holds it exactly.
    half = tensor.dtype == paddle.bfloat16
    return np.array((tensor.astype("float32") if half else tensor).numpy())
