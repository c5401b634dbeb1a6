"""Keras 3 behind the narrow interface, on whichever backend Keras itself runs.

Keras lays pictures out `[N, H, W, C]`; what goes in and comes out here is in PyTorch's
order, so that layers compare. Its state dict has the keys of its weights files.

Refused, with a `UsageError`: families that have no Keras net, float64 where JAX does
not compute in it, gradients on another backend than torch, and planted faults.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np

from ppim_port.backends import (
    Precision,
    Reduced,
    layers_keras,
    probe_keras,
    wide_keras,
)
from ppim_port.backends.keras_start import keras
from ppim_port.backends.layers import Call, Layers
from ppim_port.backends.strict import check_fits
from ppim_port.backends.walk_keras import own_tensors, walk
from ppim_port.errors import UsageError
from ppim_port.inference.native_net import fused
from ppim_port.models.family import Config, require_net
from ppim_port.models.features import FeatureOptions
from ppim_port.pairs.records import Setting
from ppim_port.state_dict import Array, FrameworkName, StateDict


class KerasBackend:
    """See `Backend`."""

    name: FrameworkName = "keras"

    def version(self) -> str:
        """Keras' version, and who computes: the backend and its version."""
        engine = keras.backend.backend()
        found = import_module(engine).__version__
        return f"{keras.__version__} on {engine} {found}"

    def pin(self) -> dict[str, bool | int | str]:
        """See `Backend.pin`; on the torch backend PyTorch's own switches too."""
        engine = keras.backend.backend()
        found: dict[str, bool | int | str] = {"keras_backend": engine}
        if engine == "torch":
            found |= import_module("ppim_port.backends.torch").BACKEND.pin()
        return found

    def build(self, config: Config, *, precision: Precision = "float32") -> Any:
        """See `Backend.build`; a Keras net has no mode, it is asked to evaluate.

        Raises:
            UsageError: the family has no Keras net, or Keras' backend computes in
                float32 whatever it is asked for.
        """
        require_net(config.family, "keras", "Nothing was built.")
        wide_keras.refuse_rounding(precision)
        net = import_module(f"ppim_port.models.{config.family}.keras_net")
        with wide_keras.kept(precision):
            return net.build(config, dtype=precision)

    def build_features(
        self,
        config: Config,
        options: FeatureOptions,
        *,
        precision: Precision = "float32",
    ) -> Any:
        """Not to be had: no family with a Keras net gives feature maps.

        Raises:
            UsageError: always.
        """
        message = (
            f"{config.family} has no feature net in Keras; PyTorch and Paddle have "
            "those there are. Nothing was built."
        )
        raise UsageError(message)

    def fuse(
        self, model: Any, config: Config, *, precision: Reduced = "float32"
    ) -> Any:
        """See `Backend.fuse`; no family with a Keras net has an inference form."""
        return fused(model, self, config, precision)

    def load(self, model: Any, state: StateDict) -> None:
        """See `Backend.load`."""
        places = {
            place.group: (place, own)
            for place in walk(model)
            if (own := own_tensors(place))
        }
        expected = {
            key: (value.shape, str(value.dtype))
            for _, own in places.values()
            for key, value in own.items()
        }
        check_fits(state, expected, f"{model.name} in Keras")
        for place, own in places.values():
            store = {
                key.rpartition("/")[2]: state[key].astype(value.dtype)
                for key, value in own.items()
            }
            place.layer.load_own_variables(store)

    def state(self, model: Any) -> StateDict:
        """See `Backend.state`."""
        return {
            key: np.array(value)
            for place in walk(model)
            for key, value in own_tensors(place).items()
        }

    def predict(self, model: Any, images: Array) -> Array:
        """See `Backend.predict`; one picture after the other."""
        return np.concatenate(
            [probe_keras.forward(model, picture[np.newaxis]) for picture in images]
        )

    def describe(self, model: Any) -> Layers:
        """See `Backend.describe`."""
        return layers_keras.described(model)

    def trace(self, model: Any, images: Array) -> dict[str, Call]:
        """See `Backend.trace`."""
        return probe_keras.trace(model, images)

    def run_layer(self, model: Any, layer: str, inputs: tuple[Array, ...]) -> Array:
        """See `Backend.run_layer`."""
        return probe_keras.run_layer(model, layer, inputs)

    def gradients(self, model: Any, images: Array, weights: Array) -> StateDict:
        """See `Backend.gradients`.

        Raises:
            UsageError: Keras runs on another backend than torch.
        """
        return probe_keras.gradients(model, images, weights)

    def alter(
        self, model: Any, layer: str, setting: str, value: Setting
    ) -> Callable[[], None]:
        """Not to be had: Keras compiles settings into its nets.

        Raises:
            UsageError: always.
        """
        message = (
            f"{layer}: a live Keras net's {setting} cannot be changed to {value}; "
            "faults are planted into PyTorch's and Paddle's nets. Nothing was changed."
        )
        raise UsageError(message)


def archive_parts(config: Config) -> dict[str, str]:
    """What a `.keras` archive holds beside its weights.

    Args:
        config: of the net.

    Returns:
        "config", the net's own description as JSON, and "keras_version".
    """
    model = BACKEND.build(config)
    text = keras.saving.serialize_keras_object(model)
    return {"config": json.dumps(text), "keras_version": cast(str, keras.__version__)}


BACKEND = KerasBackend()
