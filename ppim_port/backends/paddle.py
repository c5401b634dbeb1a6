"""Paddle behind the narrow interface; mirrors `torch.py`."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np

from ppim_port.backends import Precision, Reduced, layers_paddle
from ppim_port.backends.layers import Call, Layers, described
from ppim_port.backends.parallel import each_picture, pool
from ppim_port.backends.strict import check_fits
from ppim_port.errors import UsageError
from ppim_port.inference.native_net import NativeNet, fused
from ppim_port.models.family import Config
from ppim_port.models.features import FeatureOptions
from ppim_port.pairs.records import Setting
from ppim_port.state_dict import Array, FrameworkName, StateDict

if "tensorflow" in sys.modules and "paddle" not in sys.modules:
    _MESSAGE = (
        "TensorFlow is loaded already, and Paddle after it crashes the process "
        "(paddlepaddle 3.3.1, tensorflow 2.21.0). Import paddle first, or let Keras "
        "run on another backend: KERAS_BACKEND=torch. Nothing was done."
    )
    raise UsageError(_MESSAGE)

with warnings.catch_warnings():
    # paddlepaddle 3.3.1 warns on import that ccache, a compiler's aid, is absent.
    warnings.filterwarnings("ignore", message=".*ccache", category=UserWarning)
    import paddle as paddle  # others of ours have it from here, warned of nothing

    from ppim_port.backends import probe_paddle

# What trades exactness for speed: off, or one choice for good.
_PINNED = {
    "FLAGS_cudnn_deterministic": True,
    "FLAGS_cudnn_exhaustive_search": False,
    "FLAGS_allow_tf32_cublas": False,
    "FLAGS_allow_tf32_cudnn": False,
    "FLAGS_use_onednn": False,
    "FLAGS_paddle_num_threads": 1,
}


class PaddleBackend:
    """See `Backend`."""

    name: FrameworkName = "paddle"

    def version(self) -> str:
        """See `Backend.version`."""
        return paddle.version.full_version

    def pin(self) -> dict[str, bool | int | str]:
        """See `Backend.pin`; a build for CPUs alone knows no flags of a GPU's."""
        found: dict[str, Any] = {}
        for flag, value in _PINNED.items():
            with contextlib.suppress(ValueError):
                paddle.set_flags({flag: value})
                found |= paddle.get_flags([flag])
        return found | {"device": str(paddle.device.get_device())}

    def build(
        self, config: Config, *, precision: Precision = "float32"
    ) -> paddle.nn.Layer:
        """See `Backend.build`."""
        net = import_module(f"ppim_port.models.{config.family}.paddle_net")
        return _ready(net.build(config), precision)

    def build_features(
        self,
        config: Config,
        options: FeatureOptions,
        *,
        precision: Precision = "float32",
    ) -> paddle.nn.Layer:
        """See `Backend.build_features`."""
        net = import_module(f"ppim_port.models.{config.family}.paddle_features")
        return _ready(net.build(config, options), precision)

    def fuse(
        self, model: paddle.nn.Layer, config: Config, *, precision: Reduced = "float32"
    ) -> Any:
        """See `Backend.fuse`."""
        return fused(model, self, config, precision)

    def load(self, model: paddle.nn.Layer, state: StateDict) -> None:
        """See `Backend.load`; float64 nets get mended variances."""
        own = model.state_dict()
        expected = {key: (tuple(t.shape), _dtype(t)) for key, t in own.items()}
        check_fits(state, expected, f"{type(model).__name__} in Paddle")
        for key, tensor in own.items():
            tensor.set_value(state[key].astype(_dtype(tensor)))
        _mend_epsilon(model)

    def state(self, model: paddle.nn.Layer) -> StateDict:
        """See `Backend.state`."""
        return {key: t.numpy() for key, t in model.state_dict().items()}

    def predict(self, model: paddle.nn.Layer | NativeNet, images: Array) -> Array:
        """See `Backend.predict`."""
        if isinstance(model, NativeNet):
            return model.predict(images)

        def forward(picture: Array) -> Array:
            with paddle.no_grad():
                return cast(Array, model(paddle.to_tensor(picture)).numpy())

        # Paddle's operators run on one thread each, unless OMP_NUM_THREADS says more.
        return each_picture(forward, images, pool())

    def describe(self, model: paddle.nn.Layer) -> Layers:
        """See `Backend.describe`."""
        return described(model.named_sublayers(), layers_paddle.READERS)

    def trace(self, model: paddle.nn.Layer, images: Array) -> dict[str, Call]:
        """See `Backend.trace`."""
        return probe_paddle.trace(model, images)

    def run_layer(
        self, model: paddle.nn.Layer, layer: str, inputs: tuple[Array, ...]
    ) -> Array:
        """See `Backend.run_layer`."""
        return probe_paddle.run_layer(model, layer, inputs)

    def gradients(
        self, model: paddle.nn.Layer, images: Array, weights: Array
    ) -> StateDict:
        """See `Backend.gradients`."""
        return probe_paddle.gradients(model, images, weights)

    def alter(
        self, model: paddle.nn.Layer, layer: str, setting: str, value: Setting
    ) -> Callable[[], None]:
        """See `Backend.alter`."""
        found = dict(model.named_sublayers())[layer]
        return layers_paddle.alter(found, setting, value)


def _ready(model: paddle.nn.Layer, precision: Precision) -> paddle.nn.Layer:
    # Not astype(): after it, convolutions still expect float32 (paddle 3.3.1).
    model.to(dtype=precision)
    model.eval()
    return model


def _mend_epsilon(model: paddle.nn.Layer) -> None:
    """Give a float64 net the epsilon that it was asked for.

    Paddle passes a batch norm's epsilon on as float32 even in float64 (3.3.1), which
    costs parity four digits where a variance is near zero. Only their sum counts, so
    what the epsilon lost is added to the variance.
    """
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D | paddle.nn.BatchNorm):
            variance = layer._variance.numpy()
            if variance.dtype == np.float64:
                lost = layer._epsilon - float(np.float32(layer._epsilon))
                layer._variance.set_value(variance + lost)


def _dtype(tensor: paddle.Tensor) -> str:
    return str(tensor.dtype).removeprefix("paddle.")


BACKEND = PaddleBackend()
