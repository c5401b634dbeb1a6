"""A net's inference form on our C++ kernels: pictures in, logits out, on all cores."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ppim_port.backends import Backend, Reduced
from ppim_port.backends.parallel import pool
from ppim_port.errors import UsageError
from ppim_port.inference.native_engine import NativeEngine
from ppim_port.inference.programs import has_program, make_program
from ppim_port.inference.replayed import Replayed
from ppim_port.models.family import Config
from ppim_port.native.library import load, require
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import Array, FrameworkName, StateDict

# Pictures that a thread takes at once. Measured: see docs/performance.md.
TOGETHER = 4


def fused(model: Any, backend: Backend, config: Config, precision: Reduced) -> Any:
    """`Backend.fuse` for every framework: only the net's state is asked for."""
    if is_possible(config):
        state = backend.state(model)
        return NativeNet(state, backend.name, config, dtype=precision)
    if precision != "float32":
        message = (
            f"{precision} needs the inference form of a {config.family}, which is not "
            "to be had: see ppim_port.show_config(). Nothing was computed."
        )
        raise UsageError(message)
    return model


def is_possible(config: Config) -> bool:
    """Whether the kernels are at hand and the family has an inference form."""
    return load() is not None and has_program(config)


class NativeNet:
    """The inference form of a net, made of what was loaded into it.

    Args:
        state: of the live net.
        framework: whose names and layouts they are.
        config: of the net.
        dtype: of activations and weights; sums, pictures and logits are float32.

    Raises:
        UsageError: the kernels were not built, or the family has no inference form.
    """

    def __init__(
        self,
        state: StateDict,
        framework: FrameworkName,
        config: Config,
        *,
        dtype: ElementType = "float32",
    ) -> None:
        library = require()
        self.isa = library.isa
        self.dtype = dtype
        engine = NativeEngine(library, dtype=dtype)
        self.run = Replayed(engine, make_program(engine, state, framework, config))

    def predict(self, images: Array) -> Array:
        """Images `[N, 3, H, W]`, float32, to logits `[N, classes]`, float32.

        A few pictures a core; the same bits in every batch, see the engine.
        """
        threads = pool()
        share = -(-len(images) // (os.cpu_count() or 1))
        size = max(1, min(TOGETHER, share))
        parts = [images[at : at + size] for at in range(0, len(images), size)]
        return np.concatenate(list(threads.map(self._forward, parts or [images])))

    def _forward(self, images: Array) -> Array:
        return self.run(images.transpose(0, 2, 3, 1))
