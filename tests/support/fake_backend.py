"""A `Backend` of a few lines without a framework: a linear classifier on pixels.

It takes the state dict of the real net, strictly, and uses its classifier alone, on
the pixels averaged in as many equal runs as the classifier has inputs. So converting
and evaluating can be tested whole, with files that look real, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ppim_port.backends import Precision
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

    def build(self, config: Config, *, precision: Precision = "float32") -> FakeNet:
        return FakeNet(config, precision)

    def load(self, model: FakeNet, state: StateDict) -> None:
        layers = load_family(model.config.family).layers(model.config)
        specs = tensors(layers, self.name)
        check_fits(state, {s.key: (s.shape, s.dtype) for s in specs}, "a fake net")
        model.state = dict(state)

    def state(self, model: FakeNet) -> StateDict:
        return model.state

    def predict(self, model: FakeNet, images: Array) -> Array:
        weight = model.state["fc.weight"].astype(model.precision)
        weight = weight.T if self.name == "torch" else weight
        pixels = images.reshape(len(images), -1)
        run = pixels.shape[1] // len(weight)
        pooled = pixels[:, : run * len(weight)].reshape(len(images), -1, run).mean(2)
        logits: Array = pooled @ weight + model.state["fc.bias"]
        return logits.astype(model.precision)


def images_of(count: int, size: int = 32, *, seed: int = 0) -> Array:
    """Noise in the shape of normalised pictures, float32 `[count, 3, size, size]`."""
    shape = (count, 3, size, size)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
