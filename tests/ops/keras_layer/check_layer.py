"""The Keras layer on one backend: the one that `KERAS_BACKEND` names.

Run by `test_involution_keras.py`, a process a backend. The other two are hidden, so
that what passes here needs neither (and because Keras imports torch on its own account,
which imports triton, which crashes after TensorFlow: triton 3.7.1, tensorflow 2.21.0).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import keras_home

ENGINE = os.environ["KERAS_BACKEND"]
OTHERS = {"torch", "jax", "tensorflow"} - {ENGINE}
for other in OTHERS:
    sys.modules.setdefault(other, None)  # type: ignore[arg-type]

import keras  # noqa: E402

from ppim_port.errors import InputSizeError  # noqa: E402
from ppim_port.ops.involution_keras import Involution  # noqa: E402
from ppim_port.state_dict import Array  # noqa: E402
from tests.support.keras_involution import (  # noqa: E402
    CASES,
    Case,
    involution,
    picture,
    weights,
)

assert keras_home.HOME
# Of the largest output, in float32: 4e-7 measured on all three (Keras 3.15.1).
FLOAT32 = 5e-6
# JAX compiles every operator of every shape, for seconds a case. By day it has the two
# below, and the two of the compiled model.
FEW = ("groups", "even kernels")
BY_DAY = FEW if ENGINE == "jax" else tuple(CASES)
by_night = pytest.mark.slow if ENGINE == "jax" else []
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[] if name in BY_DAY else pytest.mark.slow)
        for name, case in CASES.items()
    ],
)


def layer(case: Case, **options: Any) -> Any:
    return Involution(
        case.channels,
        case.groups,
        kernel_size=case.kernel_size,
        stride=case.stride,
        reduction_ratio=case.ratio,
        convention=case.convention,
        use_bias=case.use_bias,
        **options,
    )


def loaded(case: Case, **options: Any) -> Any:
    made = layer(case, **options)
    made.build(picture(case).shape)
    made.set_weights(weights(case))
    return made


def apart(found: Any, reference: Array) -> float:
    value = keras.ops.convert_to_numpy(found)
    assert value.shape == reference.shape
    return float(np.abs(value - reference).max() / np.abs(reference).max())


def test_this_is_the_backend_that_was_asked_for() -> None:
    assert keras.backend.backend() == ENGINE


@every_case
def test_output_and_kernels_are_the_oracles(case: Case) -> None:
    x = picture(case)
    output, kernel = loaded(case, return_kernel=True)(x.astype("float32"))
    right, kernels = involution(case, x, weights(case))
    assert apart(output, right) < FLOAT32
    assert apart(kernel, kernels) < FLOAT32


@every_case
def test_shapes_are_inferred(case: Case) -> None:
    made = layer(case, return_kernel=True)
    right, kernels = involution(case, picture(case), weights(case))
    wanted = (right.shape, kernels.shape)
    assert made.compute_output_shape(picture(case).shape) == wanted
    unknown = keras.Input((None, None, case.channels))
    assert made(unknown)[0].shape == (None, None, None, case.channels)


@pytest.mark.parametrize("name", ["stride 2, odd sides", "the paper's, stride 2"])
def test_a_compiled_model_takes_any_batch_and_any_size(name: str) -> None:
    case = CASES[name]
    made = loaded(case)
    model = keras.Sequential([keras.Input((None, None, case.channels)), made])
    model.compile(jit_compile=ENGINE != "torch")
    for count in (1, 3):
        x = picture(case, count)
        right, _ = involution(case, x, weights(case))
        assert apart(model.predict(x.astype("float32"), verbose=0), right) < FLOAT32


def scalar(case: Case, x: Array, values: list[Array], upstream: Array) -> float:
    return float((involution(case, x, values)[0] * upstream).sum())


def gradients(made: Any, x: Array, upstream: Array) -> list[Array]:
    """Of the weighed sum, by the input and by each trainable weight."""
    given = keras.ops.convert_to_tensor(x.astype("float32"))
    weight = keras.ops.convert_to_tensor(upstream.astype("float32"))
    variables = made.trainable_variables
    if ENGINE == "torch":
        given.requires_grad_()
        (made(given, training=False) * weight).sum().backward()
        found = [given.grad, *(v.value.grad for v in variables)]
    elif ENGINE == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(given)
            total = tf.reduce_sum(made(given, training=False) * weight)
        found = tape.gradient(total, [given, *(v.value for v in variables)])
    else:
        import jax

        rest = [v.value for v in made.non_trainable_variables]

        def total_of(picture: Any, values: Any) -> Any:
            output, _ = made.stateless_call(values, rest, picture, training=False)
            return (output * weight).sum()

        by_input, by_values = jax.grad(total_of, (0, 1))(
            given, [v.value for v in variables]
        )
        found = [by_input, *by_values]
    return [keras.ops.convert_to_numpy(value) for value in found]


@pytest.mark.parametrize(
    "name", [pytest.param("groups", marks=by_night), "the paper's, stride 2"]
)
def test_gradients_are_the_oracles_slopes(name: str) -> None:
    case = CASES[name]
    x, values = picture(case, 1), weights(case)
    right, _ = involution(case, x, values)
    upstream = np.random.default_rng(2).standard_normal(right.shape)
    found = gradients(loaded(case), x, upstream)
    trained = [x, *values[:-4], *values[-2:]]  # between them are the statistics
    for of, gradient in zip(trained, found, strict=True):
        place = tuple(size // 2 for size in of.shape)
        before, slopes = of[place], []
        for step in (1e-5, -1e-5):
            of[place] = before + step
            slopes.append(scalar(case, x, values, upstream))
        of[place] = before
        slope = (slopes[0] - slopes[1]) / 2e-5
        # float32 gradients against float64 slopes: 2e-6 measured.
        assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_training_lowers_the_loss() -> None:
    keras.utils.set_random_seed(0)
    case = Case(channels=3, groups=1)
    made = layer(case)
    shape = picture(case).shape[1:]
    model = keras.Sequential(
        [keras.Input(shape), made, keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    x, labels = picture(case, 16).astype("float32"), np.arange(16) % 2
    before = made.get_weights()
    history = model.fit(x, labels, epochs=8, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]
    moved = [
        np.abs(a - b).max() for a, b in zip(before, made.get_weights(), strict=True)
    ]
    assert all(moved)


def test_a_config_makes_the_same_layer_again() -> None:
    made = Involution(
        6, 3, kernel_size=5, stride=2, reduction_ratio=2, return_kernel=True,
        convention="paper", use_bias=False, momentum=0.9, epsilon=1e-5,
        name="inv", trainable=False, dtype="float16",
    )  # fmt: skip
    config = made.get_config()
    again = Involution.from_config(config)
    assert again.get_config() == config
    assert {"momentum": 0.9, "channel": 6, "name": "inv"}.items() <= config.items()
    assert not again.trainable
    assert again.compute_dtype == "float16"


def test_a_saved_model_loads_in_a_new_process_without_custom_objects(
    tmp_path: Path,
) -> None:
    case = CASES["stride 2, odd sides"]
    x = picture(case).astype("float32")
    model = keras.Sequential([keras.Input(x.shape[1:]), loaded(case)])
    path, inputs, outputs = (tmp_path / n for n in ("m.keras", "x.npy", "y.npy"))
    model.save(path)
    np.save(inputs, x)
    code = (
        f"import sys; sys.modules |= dict.fromkeys({OTHERS})\n"
        "import numpy, keras, ppim_port.ops.involution_keras\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "y = model.predict(numpy.load(sys.argv[2]), verbose=0)\n"
        "numpy.save(sys.argv[3], y)"
    )
    words = [sys.executable, "-W", "ignore", "-c", code]
    subprocess.run([*words, str(path), str(inputs), str(outputs)], check=True)
    right, _ = involution(case, picture(case), weights(case))
    assert apart(np.load(outputs), right) < FLOAT32


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"channel": 0}, "channel=0, expected a whole number of 1 or more"),
        ({"channel": 4, "kernel_size": 2.5}, "kernel_size=2.5"),
        ({"channel": 2, "reduction_ratio": 4}, "leaves no channel of channel=2"),
        ({"channel": 4, "convention": "tf"}, "expected 'keras' or 'paper'"),
        (
            {"channel": 4, "convention": "paper", "kernel_size": 4},
            "kernel_size=4: the paper's kernels are odd",
        ),
    ],
)
def test_arguments_that_make_no_layer_are_refused(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=r"No layer was made") as caught:
        Involution(**options)
    assert text in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 6, 6, 5), (2, 6, 6, None)])
def test_inputs_of_another_form_are_refused(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ValueError, match="expected \\[N, H, W, C\\] with C a multiple"):
        layer(Case()).build(shape)


def test_in_the_papers_convention_the_stride_must_divide_the_sides() -> None:
    with pytest.raises(InputSizeError, match="sides of 7x5, expected multiples of"):
        layer(Case("paper", stride=2)).build((None, 7, 5, 4))
