"""The inference form of RedNets with made-up weights, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, TypeAlias

import numpy as np

from ppim_port.inference.native_engine import NativeEngine
from ppim_port.inference.programs import make_program
from ppim_port.models.rednet.family import RedNetConfig
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import Array, FrameworkName
from tests.support.native import named
from tests.support.nets import net
from tests.support.states import rednet

SMALL = rednet("26", num_classes=10)

# Sides that RedNet takes, not square and odd ones among them.
SIZES = [(32, 32), (64, 96), (61, 29)]

# Of a row's largest logit, against the plain net in float64. Measured over SIZES and
# 224x224 in every instruction set with torch 2.13.0 and paddlepaddle 3.3.1: 1.9e-6 and
# 1.3e-2; the plain float32 nets are at 7e-7.
TOLERANCES: dict[ElementType, float] = {"float32": 1e-5, "bfloat16": 4e-2}

Program: TypeAlias = Callable[[Array], Array]
Frames: TypeAlias = Literal["torch", "paddle"]


def pictures(height: int = 64, width: int = 64, *, batch: int = 2) -> Array:
    """Noise `[N, 3, H, W]`, float32."""
    rng = np.random.default_rng([height, width])
    return rng.standard_normal((batch, 3, height, width)).astype(np.float32)


def channels_last(images: Array) -> Array:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


@cache
def native_program(
    isa: str,
    framework: FrameworkName = "torch",
    dtype: ElementType = "float32",
    threads: int = 1,
) -> Program:
    """On our kernels: `[N, H, W, 3]` to logits."""
    backend, model = net(framework, SMALL)
    engine = NativeEngine(named(isa), dtype=dtype, threads=threads)
    return make_program(engine, backend.state(model), framework, SMALL)


def framework_program(
    engine: Frames, framework: FrameworkName, config: RedNetConfig, dtype: str
) -> Program:
    """On a framework's own operators; `framework` is whose state it is made of."""
    from tests.support.frameworks import PaddleEngine, TorchEngine, paddle, torch

    backend, model = net(framework, config, "float64")
    state = backend.state(model)
    if engine == "torch":
        kind = getattr(torch, dtype)
        run = make_program(
            TorchEngine(torch.empty(0, dtype=kind)), state, framework, config
        )
        return lambda x: run(torch.from_numpy(x).to(kind)).numpy()
    program = make_program(
        PaddleEngine(getattr(paddle, dtype)), state, framework, config
    )
    return lambda x: program(paddle.to_tensor(x.astype(dtype))).numpy()
