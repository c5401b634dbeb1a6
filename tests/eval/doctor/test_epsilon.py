"""The doctor's wrong epsilon is another than the net's own, whichever that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.doctor import Variant, statistics
from eval.doctor.variants import variants
from eval.examine import Bench
from eval.records import Dataset, Request
from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.manifest import load_manifest
from ppim_port.models.family import load_family
from ppim_port.recipe import recipe_from_dict
from ppim_port.weights import load_weights
from tests.support.states import made_state

# A dead channel's variance; published EfficientNet-Lites have such.
DEAD = 0.0
# Of a float32 variance, whose last bit is worth 1e-7 of what stands under the root.
FLOAT32 = 1e-4


def bn_variant(model: str, epsilon: float | None) -> list[Variant]:
    manifest = load_manifest()
    name = manifest.model(model).recipe
    tried = variants(recipe_from_dict(name, manifest.recipes[name]), 1000, epsilon)
    return [variant for variant in tried if variant.name.startswith("bn-epsilon")]


@pytest.mark.parametrize(
    ("epsilon", "name", "cause"),
    [
        (1e-5, "bn-epsilon-1e-3", "an epsilon of 1e-3 instead of 1e-5"),
        (1e-3, "bn-epsilon-1e-5", "an epsilon of 1e-5 instead of 1e-3"),
        (1.1e-5, "bn-epsilon-1e-3", "an epsilon of 1e-3 instead of 1.1e-5"),
    ],
)
def test_the_wrong_epsilon_is_the_other_usual_one_and_named(
    epsilon: float, name: str, cause: str
) -> None:
    (variant,) = bn_variant("rednet26", epsilon)
    assert variant.name == name
    assert cause in variant.cause


def test_a_net_without_batch_norms_has_no_such_variant() -> None:
    assert bn_variant("rednet26", None) == []


@pytest.mark.parametrize(
    ("model", "epsilon"), [("rednet26", 1e-5), ("efficientnet_lite0", 1e-3)]
)
def test_the_epsilon_is_the_live_nets_own(
    model: str, epsilon: float, tmp_path: Path
) -> None:
    record = load_manifest().model(model)
    config = load_family(record.family).configure(record.variant, num_classes=10)
    path = tmp_path / "made.pth"
    write(made_state(config, "torch"), path, kind="pth", framework="torch")
    weights = load_weights(path, record, framework="torch")
    recipe = recipe_from_dict(record.recipe, load_manifest().recipes[record.recipe])
    request = Request(model, tmp_path, framework="torch")
    bench = Bench(request, recipe, weights, Dataset(tmp_path, "folders", (), 10))
    assert bench.epsilon() == epsilon


@pytest.mark.parametrize(
    ("model", "right", "wrong", "dead"),
    [("rednet26", 1e-5, 1e-3, 0), ("efficientnet_lite0", 1e-3, 1e-5, 4)],
)
def test_another_variance_is_another_epsilon_with_dead_channels_too(
    model: str, right: float, wrong: float, dead: int
) -> None:
    record = load_manifest().model(model)
    config = load_family(record.family).configure(record.variant, num_classes=10)
    state = made_state(config, "torch")
    stem = next(key for key in state if key.endswith("running_var"))
    state[stem] = state[stem].copy()
    state[stem][:dead] = DEAD
    images = np.random.default_rng(0).normal(size=(1, 3, 64, 64))
    backend = get_backend("torch")
    net = backend.build(config, precision="float64")
    backend.load(net, statistics.with_epsilon(state, right=right, wrong=wrong))
    by_variance = backend.predict(net, images)
    backend.load(net, state)
    plain = backend.predict(net, images)
    for name, layer in backend.describe(net).items():
        if layer.kind == "batch_norm":
            assert layer.settings["eps"] == right
            backend.alter(net, name, "eps", wrong)
    by_epsilon = backend.predict(net, images)
    largest = np.abs(by_epsilon).max()
    assert np.abs(by_variance - by_epsilon).max() < FLOAT32 * largest
    assert np.abs(plain - by_epsilon).max() > 10 * FLOAT32 * largest
