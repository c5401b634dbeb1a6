"""What the programs ask of a `Backend`, without a framework: pixels made linear.

It takes the state dict of the real net, strictly, and uses its classifier alone, on
the pixels averaged in as many equal runs as the classifier has inputs. So converting
and evaluating can be tested whole, with files that look real, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ppim_port.backends import Precision, Reduced
from ppim_port.backends.layers import Call, LayerDescription, Layers
from ppim_port.backends.strict import check_fits
from ppim_port.mapping import tensors
from ppim_port.models.family import Config, load_family
from ppim_port.state_dict import Array, FrameworkName, StateDict


@dataclass(slots=True)
class FakeNet:
    config: Config
    precision: Precision
    state: StateDict = field(default_factory=dict)


@dataclass(slots=True)
class FakeBackend:
    name: FrameworkName = "paddle"

    def version(self) -> str:
        return "fake"

    def pin(self) -> dict[str, bool | int | str]:
        return {"fake": True}

    def build(self, config: Config, *, precision: Precision = "float32") -> FakeNet:
        return FakeNet(config, precision)

    def load(self, model: FakeNet, state: StateDict) -> None:
        layers = load_family(model.config.family).layers(model.config)
        specs = tensors(layers, self.name)
        check_fits(state, {s.key: (s.shape, s.dtype) for s in specs}, "a fake net")
        model.state = dict(state)

    def fuse(
        self, model: FakeNet, config: Config, *, precision: Reduced = "float32"
    ) -> FakeNet:
        return model

    def state(self, model: FakeNet) -> StateDict:
        return model.state

    def predict(self, model: FakeNet, images: Array) -> Array:
        return self.run_layer(model, "fc", (self._pooled(model, images),))

    def describe(self, model: FakeNet) -> Layers:
        return {"fc": LayerDescription("linear", {}, "Linear")}

    def trace(self, model: FakeNet, images: Array) -> dict[str, Call]:
        pooled = self._pooled(model, images)
        return {"fc": Call("fc", (pooled,), self.predict(model, images))}

    def run_layer(self, model: FakeNet, layer: str, inputs: tuple[Array, ...]) -> Array:
        logits: Array = inputs[0] @ self._weight(model) + model.state["fc.bias"]
        return logits.astype(model.precision)

    def gradients(self, model: FakeNet, images: Array, weights: Array) -> StateDict:
        weight = self._pooled(model, images).T @ weights
        weight = weight.T if self.name == "torch" else weight
        return {
            "input": np.zeros_like(images),
            "fc.weight": weight,
            "fc.bias": weights.sum(0),
        }

    def alter(
        self, model: FakeNet, layer: str, setting: str, value: object
    ) -> Callable[[], None]:
        raise NotImplementedError

    def _weight(self, model: FakeNet) -> Array:
        weight = model.state["fc.weight"].astype(model.precision)
        return weight.T if self.name == "torch" else weight

    def _pooled(self, model: FakeNet, images: Array) -> Array:
        inputs = len(self._weight(model))
        pixels = images.reshape(len(images), -1)
        run = pixels.shape[1] // inputs
        pooled: Array = pixels[:, : run * inputs].reshape(len(images), -1, run).mean(2)
        return pooled


def images_of(count: int, size: int = 32, *, seed: int = 0) -> Array:
    """Noise in the shape of normalised pictures, float32 `[count, 3, size, size]`."""
    shape = (count, 3, size, size)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
