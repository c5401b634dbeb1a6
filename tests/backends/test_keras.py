"""Keras behind the narrow interface, on its torch backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import Backend, get_backend, keras_start
from ppim_port.backends.layers_keras import described
from ppim_port.backends.walk_keras import snake_case, walk
from ppim_port.checkpoint import read
from ppim_port.errors import MappingError, MissingPackageError, UsageError
from ppim_port.factory import create_model
from ppim_port.models.involution_cifar.family import FAMILY
from ppim_port.models.rednet.family import RedNetConfig
from tests.support import keras_home
from tests.support.fake_backend import images_of
from tests.support.states import made_state

CONFIG = FAMILY.configure("involution")
VARIANTS = FAMILY.variants
# Of a tensor's largest number, in float64: 6e-15 measured.
FLOAT64 = 1e-12

# Of made-up weights; with most others a ReLU of one channel is dead.
LIVELY = 9

assert keras_home.HOME


@pytest.fixture(scope="module")
def backend() -> Backend:
    return get_backend("keras")


@pytest.fixture
def net(backend: Backend) -> Any:
    made = backend.build(CONFIG, precision="float64")
    backend.load(made, made_state(CONFIG, "keras", seed=LIVELY))
    return made


def test_the_version_names_the_engine(backend: Backend) -> None:
    assert " on torch 2." in backend.version()
    assert backend.pin()["keras_backend"] == "torch"
    assert backend.pin()["cudnn.deterministic"] is True


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_state_has_the_keys_of_the_files_that_keras_writes(
    variant: str, backend: Backend, tmp_path: Path
) -> None:
    model = backend.build(FAMILY.configure(variant))
    path = tmp_path / "own.weights.h5"
    model.save_weights(path)
    saved, held = read(path).state, backend.state(model)
    assert saved.keys() == held.keys()
    assert all(np.array_equal(saved[key], held[key]) for key in held)


def test_what_is_loaded_is_held(backend: Backend) -> None:
    model = backend.build(CONFIG)
    state = made_state(CONFIG, "keras", seed=3)
    backend.load(model, state)
    held = backend.state(model)
    assert list(held) == list(state)
    assert all(np.array_equal(held[key], state[key]) for key in state)


def test_what_does_not_fit_is_named_and_nothing_is_loaded(backend: Backend) -> None:
    model = backend.build(CONFIG)
    before = backend.state(model)
    state = made_state(CONFIG, "keras")
    state["layers/dense/vars/0"] = state["layers/dense/vars/0"].T
    state["layers/dense/vars/9"] = state.pop("layers/dense/vars/1")
    with pytest.raises(MappingError) as caught:
        backend.load(model, state)
    text = str(caught.value)
    assert text.startswith(
        "involution_cifar10 in Keras: 3 problems, nothing was loaded"
    )
    assert "missing: layers/dense/vars/1" in text
    assert "layers/dense/vars/0: shape [64, 192], expected [192, 64]" in text
    after = backend.state(model)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_a_float64_net_rounds_nothing_to_float32(backend: Backend, net: Any) -> None:
    """Left alone, Keras does on torch and JAX (3.15.1)."""
    image = images_of(1).astype("f8")
    logits = backend.predict(net, image)
    assert logits.dtype == np.float64
    assert (logits != logits.astype("f4")).any()
    moved = backend.predict(net, image + 1e-12)
    assert 0 < np.abs(moved - logits).max() < 1e-9


def test_each_picture_is_alone(backend: Backend, net: Any) -> None:
    images = images_of(3).astype("f8")
    together = backend.predict(net, images)
    alone = [backend.predict(net, images[i : i + 1])[0] for i in range(3)]
    assert np.array_equal(together, np.stack(alone))


def test_every_layer_is_traced_in_torchs_layout(backend: Backend, net: Any) -> None:
    other = get_backend("torch")
    torchs = other.build(CONFIG, precision="float64")
    other.load(torchs, made_state(CONFIG, "torch", seed=LIVELY))
    images = images_of(2).astype("f8")
    right, found = other.trace(torchs, images), backend.trace(net, images)
    assert [name for name in found if name != "flatten"] == list(right)
    for name, call in right.items():
        assert found[name].output.shape == call.output.shape
        assert np.abs(found[name].output - call.output).max() < 1e-12
        forced = backend.run_layer(net, name, call.inputs)
        assert np.abs(forced - call.output).max() < 1e-12
    # And nothing is left of it.
    assert not any("call" in vars(place.layer) for place in walk(net))


def test_gradients_are_torchs(backend: Backend, net: Any) -> None:
    other = get_backend("torch")
    torchs = other.build(CONFIG, precision="float64")
    other.load(torchs, made_state(CONFIG, "torch", seed=LIVELY))
    images = images_of(2).astype("f8")
    weights = np.random.default_rng(0).standard_normal((2, 10))
    right = other.gradients(torchs, images, weights)
    found = backend.gradients(net, images, weights)
    assert len(found) == len(right) == 23
    pairs = {
        "input": "input",
        "layers/involution_1/kernel_gen/layers/conv2d/vars/1": "mix2.kernel_gen.0.bias",
        "layers/dense_1/vars/1": "fc2.bias",
    }
    for key, name in pairs.items():
        apart = np.abs(found[key] - right[name]).max()
        assert apart < FLOAT64 * np.abs(right[name]).max()
    filters = found["layers/involution/kernel_gen/layers/conv2d_1/vars/0"]
    torchs_filters = right["mix1.kernel_gen.3.weight"].transpose(2, 3, 1, 0)
    assert np.abs(filters - torchs_filters).max() < FLOAT64 * np.abs(filters).max()


def test_a_family_without_a_keras_net_says_who_has_one(backend: Backend) -> None:
    for build in (
        lambda: backend.build(RedNetConfig("26")),
        lambda: create_model("rednet26", framework="keras"),
    ):
        with pytest.raises(UsageError) as caught:
            build()
        text = str(caught.value)
        assert "There is no keras net of the family rednet" in text
        assert "Families with one: involution_cifar" in text


def test_faults_are_not_planted(backend: Backend, net: Any) -> None:
    with pytest.raises(UsageError, match="Nothing was changed"):
        backend.alter(net, "mix1", "stride", 2)


def test_an_activation_inside_of_a_layer_is_of_no_known_kind(backend: Backend) -> None:
    keras: Any = keras_start.keras
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "relu")])
    assert described(model)["0"].kind is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Conv2D", "conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("MaxPooling2D", "max_pooling2d"),
        ("Involution", "involution"),
    ],
)
def test_a_class_is_spelled_as_keras_spells_it(name: str, path: str) -> None:
    assert snake_case(name) == path


def engine(home: Path, **environment: str) -> str:
    """Which backend runs in a new process, and what is left of the environment."""
    code = (
        "import os\n"
        "from ppim_port.backends.keras_start import keras\n"
        "print(keras.backend.backend(), os.environ.get('KERAS_BACKEND'))"
    )
    clean = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**clean, "KERAS_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_torch_runs_where_nobody_says_otherwise_the_first_time_and_later(
    tmp_path: Path,
) -> None:
    assert engine(tmp_path) == "torch None"
    # Keras has left its settings there, which name TensorFlow.
    assert json.loads((tmp_path / "keras.json").read_text())["backend"] == "tensorflow"
    assert engine(tmp_path) == "torch None"


def test_who_names_a_backend_gets_it(tmp_path: Path) -> None:
    assert engine(tmp_path, KERAS_BACKEND="jax") == "jax jax"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert engine(tmp_path) == "jax None"
    assert json.loads((tmp_path / "keras.json").read_text()) == {"backend": "jax"}


def test_a_backend_that_is_not_to_be_had_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UsageError, match="set to run on 'theano'; the nets run on one"):
        keras_start.wanted()
    monkeypatch.setattr(keras_start, "find_spec", lambda name: None)
    for named in ("jax", ""):
        monkeypatch.setenv("KERAS_BACKEND", named)
        with pytest.raises(MissingPackageError, match="is not installed"):
            keras_start.wanted()


def test_paddle_after_tensorflow_is_refused_before_it_crashes() -> None:
    code = (
        "import sys, types\n"
        "sys.modules['tensorflow'] = types.ModuleType('tensorflow')\n"
        "from ppim_port.errors import UsageError\n"
        "try: import ppim_port.backends.paddle\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "Import paddle first" in done.stdout
