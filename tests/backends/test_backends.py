"""Both adapters: strict in, the same bits out, and nothing that one alone does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import Backend, Precision, get_backend
from ppim_port.backends.parallel import pool
from ppim_port.errors import MappingError
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.mapping.plans import bits
from tests.support.fake_backend import FakeBackend, images_of
from tests.support.frameworks import torch
from tests.support.nets import PARITY, logits, net, relative
from tests.support.states import made_state, rednet

SMALL = rednet(num_classes=3)
OWNER = {"torch": "RedNet in PyTorch", "paddle": "RedNet in Paddle"}
VARIANCE = {"torch": "running_var", "paddle": "_variance"}
# Largest difference of a float32 logit from float64's, of the row's largest: 2e-6
# measured with torch 2.13.0 and paddlepaddle 3.3.1.
FLOAT32 = 2e-5
PRECISIONS: tuple[Precision, ...] = ("float32", "float64")

Edit = Callable[[StateDict], object]
both = pytest.mark.parametrize("name", ["torch", "paddle"])


def loaded(
    name: FrameworkName, precision: Precision = "float32"
) -> tuple[Backend, Any]:
    backend = get_backend(name)
    model = backend.build(SMALL, precision=precision)
    backend.load(model, made_state(SMALL, name))
    return backend, model


@both
def test_a_backend_says_its_name_and_version(name: FrameworkName) -> None:
    backend = get_backend(name)
    assert backend.name == name
    assert backend.version()[0].isdigit()


@both
def test_a_built_net_evaluates(name: FrameworkName) -> None:
    assert not get_backend(name).build(SMALL).training


@both
def test_what_was_loaded_is_read_back_bit_for_bit_in_order(name: FrameworkName) -> None:
    backend, model = loaded(name)
    state = made_state(SMALL, name)
    found = backend.state(model)
    assert list(found) == list(state)
    assert bits(found) == bits(state)


@both
def test_loading_does_not_keep_the_callers_memory(name: FrameworkName) -> None:
    backend = get_backend(name)
    model, state = backend.build(SMALL), made_state(SMALL, name)
    backend.load(model, state)
    for value in state.values():
        value *= 0
    assert bits(backend.state(model)) == bits(made_state(SMALL, name))


@both
def test_read_only_arrays_can_be_loaded(name: FrameworkName) -> None:
    backend, state = get_backend(name), made_state(SMALL, name)
    for value in state.values():
        value.flags.writeable = False
    model = backend.build(SMALL)
    backend.load(model, state)
    assert bits(backend.state(model)) == bits(state)


@both
def test_a_float64_net_widens_what_it_is_given(name: FrameworkName) -> None:
    backend, model = loaded(name, "float64")
    found, state = backend.state(model), made_state(SMALL, name)
    # Paddle's variances get what its batch norm loses of the epsilon.
    exact = [key for key in state if not key.endswith("_variance")]
    assert all(found[key].dtype.name in ("float64", "int64") for key in found)
    assert [key for key in exact if not np.array_equal(found[key], state[key])] == []
    for key in state.keys() - exact:
        np.testing.assert_allclose(found[key], state[key], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("fc.bias"), "missing: fc.bias"),
        (lambda s: s.update(stray=np.zeros(1)), "unexpected: stray"),
        (
            lambda s: s.update({"fc.bias": np.zeros(4, np.float32)}),
            "fc.bias: shape [4], expected [3]",
        ),
        (
            lambda s: s.update({"fc.bias": np.zeros(3)}),
            "fc.bias: dtype float64, expected float32",
        ),
        (
            lambda s: s.update({"fc.weight": s["fc.weight"].T}),
            "fc.weight: shape ",
        ),
    ],
    ids=["missing", "unexpected", "shape", "dtype", "turned"],
)
@both
def test_a_misfit_is_refused_and_the_net_left_as_it_was(
    name: FrameworkName, change: Edit, said: str
) -> None:
    backend, model = loaded(name)
    before = bits(backend.state(model))
    other = made_state(SMALL, name, seed=1)
    change(other)
    with pytest.raises(MappingError) as caught:
        backend.load(model, other)
    assert f"{OWNER[name]}: 1 problems, nothing was loaded" in str(caught.value)
    assert said in str(caught.value)
    assert bits(backend.state(model)) == before


@both
def test_a_square_classifier_the_wrong_way_round_is_not_seen_by_loading(
    name: FrameworkName,
) -> None:
    """Why a transpose is declared and never guessed, and why logits are compared."""
    square = rednet(num_classes=2048)
    backend = get_backend(name)
    model, state = backend.build(square), made_state(square, name)
    turned = np.ascontiguousarray(state["fc.weight"].T)
    backend.load(model, state | {"fc.weight": turned})
    found = backend.predict(model, images_of(1))
    assert relative(found, logits(name, images_of(1), square, "float32")) > 0.1


@both
@pytest.mark.parametrize("precision", PRECISIONS)
def test_logits_come_in_the_nets_precision(
    name: FrameworkName, precision: Precision
) -> None:
    found = logits(name, images_of(3), SMALL, precision)
    assert (found.shape, found.dtype.name) == ((3, 3), precision)


def without_variance(name: FrameworkName) -> Array:
    """Float64 logits where one batch norm's variances are zero."""
    backend = get_backend(name)
    model, state = backend.build(SMALL, precision="float64"), made_state(SMALL, name)
    state[f"stem.2.{VARIANCE[name]}"] *= 0
    backend.load(model, state)
    return backend.predict(model, images_of(2).astype(np.float64))


def test_paddles_epsilon_is_the_whole_one_in_float64() -> None:
    """Cut to float32, as Paddle passes it on, it would cost 1e-8."""
    assert relative(without_variance("paddle"), without_variance("torch")) < PARITY


@both
def test_float32_is_near_float64(name: FrameworkName) -> None:
    found, reference = (logits(name, images_of(3), precision=p) for p in PRECISIONS)
    assert 0 < relative(found, reference) < FLOAT32


@both
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_pictures_logits_are_the_same_bits_in_every_batch(
    name: FrameworkName, precision: Precision
) -> None:
    images = images_of(3)
    together = logits(name, images, precision=precision)
    for at in range(3):
        alone = logits(name, images[at : at + 1], precision=precision)
        assert alone.tobytes() == together[at : at + 1].tobytes()


def read_only(images: Array) -> Array:
    images.flags.writeable = False
    return images


@pytest.mark.parametrize(
    "view",
    [read_only, np.asfortranarray, lambda images: images[..., ::-1]],
    ids=["read-only", "fortran", "mirrored"],
)
@both
def test_any_layout_of_the_images_is_taken(
    name: FrameworkName, view: Callable[[Array], Array]
) -> None:
    backend, model = net(name)
    images = view(images_of(2))
    expected = backend.predict(model, images.copy(order="C"))
    assert backend.predict(model, images).tobytes() == expected.tobytes()


@both
def test_predicting_changes_no_tensor(name: FrameworkName) -> None:
    backend, model = loaded(name)
    backend.predict(model, images_of(2))
    assert bits(backend.state(model)) == bits(made_state(SMALL, name))


@pytest.fixture
def three_threads() -> Iterator[None]:
    """PyTorch with three threads, and no prediction threads yet."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    pool.cache_clear()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_predicting_leaves_torchs_threads_as_they_were() -> None:
    logits("torch", images_of(3))
    with ThreadPoolExecutor(1) as fresh:
        in_a_new_thread = fresh.submit(torch.get_num_threads).result()
    assert (torch.get_num_threads(), in_a_new_thread) == (3, 3)


@both
def test_the_fake_is_as_strict_as_the_real_ones(name: FrameworkName) -> None:
    fake = FakeBackend(name)
    model, state = fake.build(SMALL), made_state(SMALL, name)
    fake.load(model, state)
    assert fake.predict(model, images_of(2)).shape == (2, 3)
    del state["fc.bias"]
    with pytest.raises(MappingError, match=r"missing: fc\.bias"):
        fake.load(model, state)


def test_the_fakes_of_both_frameworks_agree() -> None:
    answers = []
    for name in ("torch", "paddle"):
        fake = FakeBackend(name)
        model = fake.build(SMALL, precision="float64")
        fake.load(model, made_state(SMALL, name))
        answers.append(fake.predict(model, images_of(2).astype(np.float64)))
    assert relative(*answers) < 1e-12
