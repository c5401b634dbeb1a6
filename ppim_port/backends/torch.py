"""PyTorch behind the narrow interface; mirrors `paddle.py`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np
import torch

from ppim_port.backends import Precision, Reduced, layers_torch, probe_torch
from ppim_port.backends.layers import Call, Layers, described
from ppim_port.backends.parallel import each_picture, pool
from ppim_port.backends.strict import check_fits
from ppim_port.inference.native_net import NativeNet, fused
from ppim_port.models.family import Config
from ppim_port.models.features import FeatureOptions
from ppim_port.pairs.records import Setting
from ppim_port.state_dict import Array, FrameworkName, StateDict


class TorchBackend:
    """See `Backend`."""

    name: FrameworkName = "torch"

    def version(self) -> str:
        """See `Backend.version`."""
        return torch.__version__

    def pin(self) -> dict[str, bool | int | str]:
        """See `Backend.pin`."""
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        return {
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "cuda.matmul.allow_tf32": torch.backends.cuda.matmul.allow_tf32,
            "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
            "cudnn.benchmark": torch.backends.cudnn.benchmark,
            "cudnn.deterministic": torch.backends.cudnn.deterministic,
            "cpu": torch.backends.cpu.get_cpu_capability(),
        }

    def build(
        self, config: Config, *, precision: Precision = "float32"
    ) -> torch.nn.Module:
        """See `Backend.build`."""
        net = import_module(f"ppim_port.models.{config.family}.torch_net")
        return _ready(net.build(config), precision)

    def build_features(
        self,
        config: Config,
        options: FeatureOptions,
        *,
        precision: Precision = "float32",
    ) -> torch.nn.Module:
        """See `Backend.build_features`."""
        net = import_module(f"ppim_port.models.{config.family}.torch_features")
        return _ready(net.build(config, options), precision)

    def fuse(
        self, model: torch.nn.Module, config: Config, *, precision: Reduced = "float32"
    ) -> Any:
        """See `Backend.fuse`."""
        return fused(model, self, config, precision)

    def load(self, model: torch.nn.Module, state: StateDict) -> None:
        """See `Backend.load`."""
        own = model.state_dict()
        expected = {key: (tuple(t.shape), _dtype(t)) for key, t in own.items()}
        check_fits(state, expected, f"{type(model).__name__} in PyTorch")
        with torch.no_grad():
            for key, tensor in own.items():
                # A copy, because torch wants memory that it may write to.
                tensor.copy_(torch.from_numpy(np.array(state[key])))

    def state(self, model: torch.nn.Module) -> StateDict:
        """See `Backend.state`."""
        return {key: t.numpy(force=True) for key, t in model.state_dict().items()}

    def predict(self, model: torch.nn.Module | NativeNet, images: Array) -> Array:
        """See `Backend.predict`."""
        if isinstance(model, NativeNet):
            return model.predict(images)

        def forward(picture: Array) -> Array:
            with torch.inference_mode():
                # A copy where torch would warn (read-only) or raise (negative strides).
                tensor = torch.from_numpy(np.require(picture, requirements=["C", "W"]))
                return cast(Array, model(tensor).numpy())

        before = torch.get_num_threads()
        try:
            return each_picture(forward, images, pool(_one_thread_an_operator))
        finally:
            torch.set_num_threads(before)

    def describe(self, model: torch.nn.Module) -> Layers:
        """See `Backend.describe`."""
        return described(model.named_modules(), layers_torch.READERS)

    def trace(self, model: torch.nn.Module, images: Array) -> dict[str, Call]:
        """See `Backend.trace`."""
        return probe_torch.trace(model, images)

    def run_layer(
        self, model: torch.nn.Module, layer: str, inputs: tuple[Array, ...]
    ) -> Array:
        """See `Backend.run_layer`."""
        return probe_torch.run_layer(model, layer, inputs)

    def gradients(
        self, model: torch.nn.Module, images: Array, weights: Array
    ) -> StateDict:
        """See `Backend.gradients`."""
        return probe_torch.gradients(model, images, weights)

    def alter(
        self, model: torch.nn.Module, layer: str, setting: str, value: Setting
    ) -> Callable[[], None]:
        """See `Backend.alter`."""
        found = dict(model.named_modules())[layer]
        return layers_torch.alter(found, setting, value)


def _ready(model: torch.nn.Module, precision: Precision) -> torch.nn.Module:
    return model.to(getattr(torch, precision)).eval()


def _one_thread_an_operator() -> None:
    # Of the calling thread, but new threads take the last number set anywhere: so
    # `predict` puts it back.
    torch.set_num_threads(1)


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


BACKEND = TorchBackend()
