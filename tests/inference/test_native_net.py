"""The native net gives a picture the same bits in every batch and from every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

from ppim_port.errors import InputSizeError, UsageError
from ppim_port.inference import native_net
from ppim_port.inference.native_net import NativeNet
from ppim_port.native import library
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import StateDict
from tests.support.forks import ignores_threads, in_a_fork, needs_fork
from tests.support.inference import (
    SMALL,
    TOLERANCES,
    channels_last,
    native_program,
    pictures,
)
from tests.support.native import needs_kernels, on_every_set, same_bits
from tests.support.states import made_state

pytestmark = needs_kernels
every_dtype = pytest.mark.parametrize("dtype", list(TOLERANCES))


@cache
def made(dtype: ElementType) -> NativeNet:
    return NativeNet(made_state(SMALL), "torch", SMALL, dtype=dtype)


@every_dtype
def test_a_picture_has_the_same_bits_in_every_batch(dtype: ElementType) -> None:
    net, images = made(dtype), pictures(batch=8)
    together = net.predict(images)
    assert together.shape == (8, 10)
    assert len(np.unique(together[:, 0])) == 8
    for batch in (1, 3):
        for first in range(0, 8, batch):
            part = slice(first, first + batch)
            assert same_bits(net.predict(images[part]), together[part])


@on_every_set
@every_dtype
def test_an_engine_gives_the_same_bits_in_every_batch_and_number_of_threads(
    isa: str, dtype: ElementType
) -> None:
    """Whole batches at once here, in each operator."""
    images = channels_last(pictures(61, 29, batch=3))
    expected = native_program(isa, "torch", dtype)(images).copy()
    several = native_program(isa, "torch", dtype, 3)(images)
    assert same_bits(several, expected)
    for n in range(3):
        alone = native_program(isa, "torch", dtype)(images[n : n + 1])
        assert same_bits(alone[0], expected[n])


def test_several_threads_may_predict_at_once() -> None:
    net = made("float32")
    batches = [pictures(32, 32 * k, batch=3) for k in (1, 2, 3)] * 3
    expected = [net.predict(batch) for batch in batches]
    with ThreadPoolExecutor(len(batches)) as threads:
        for found, right in zip(
            threads.map(net.predict, batches), expected, strict=True
        ):
            assert same_bits(found, right)


@needs_fork
@ignores_threads
def test_a_fork_predicts_with_threads_of_its_own() -> None:
    net, images = made("float32"), pictures(batch=3)
    expected = net.predict(images)
    assert same_bits(in_a_fork(lambda: net.predict(images)), expected)


def test_logits_stay_while_others_are_made() -> None:
    net = made("float32")
    first = net.predict(pictures(32, 32))
    kept = first.copy()
    for _ in range(3):
        net.predict(pictures(64, 64))
    assert same_bits(first, kept)


def test_no_pictures_have_no_logits() -> None:
    assert made("float32").predict(pictures(batch=0)).shape == (0, 10)


def test_pictures_may_be_views() -> None:
    images = pictures(64, 32)
    expected = made("float32").predict(images)
    turned = np.asfortranarray(images)
    assert same_bits(made("float32").predict(turned), expected)
    flipped = np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1]
    assert same_bits(made("float32").predict(flipped), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, np.uint16])
def test_pictures_of_another_dtype_are_refused(dtype: type) -> None:
    with pytest.raises(UsageError, match="expected float32"):
        made("float32").predict(pictures().astype(dtype))


def test_too_small_pictures_are_refused() -> None:
    with pytest.raises(InputSizeError, match="16x16"):
        made("float32").predict(pictures(16, 16))


def test_what_was_loaded_may_change_later() -> None:
    state: StateDict = {key: a.copy() for key, a in made_state(SMALL).items()}
    net = NativeNet(state, "torch", SMALL)
    expected = net.predict(pictures())
    for value in state.values():
        value *= 0
    assert same_bits(net.predict(pictures()), expected)


def test_it_says_what_it_runs_on() -> None:
    found = library.load()
    assert found is not None
    assert (made("bfloat16").isa, made("bfloat16").dtype) == (found.isa, "bfloat16")


def test_without_kernels_it_is_refused_and_says_how_to_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    monkeypatch.setattr(native_net, "load", lambda: None)
    assert not native_net.is_possible(SMALL)
    with pytest.raises(UsageError, match=r"python -m ppim_port\.native\.build"):
        NativeNet(made_state(SMALL), "torch", SMALL)
