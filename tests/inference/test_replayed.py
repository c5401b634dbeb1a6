"""What was recorded of a size gives its other pictures the bits of the first way."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.inference.native_engine import NativeEngine
from ppim_port.inference.programs import make_program
from ppim_port.inference.replayed import Replayed
from ppim_port.native.library import require
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import Array
from tests.support.inference import SMALL, channels_last, pictures
from tests.support.native import needs_kernels, same_bits
from tests.support.states import made_state

pytestmark = needs_kernels


def made(dtype: ElementType = "float32") -> tuple[Replayed, Callable[[Array], Array]]:
    """A net that replays, and the same layers called one by one."""
    engines = [NativeEngine(require(), dtype=dtype) for _ in range(2)]
    state = made_state(SMALL)
    programs = [make_program(engine, state, "torch", SMALL) for engine in engines]
    return Replayed(engines[0], programs[0]), programs[1]


def seeded(seed: int, side: int = 32, batch: int = 2) -> Array:
    shape = (batch, side, side, 3)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_later_pictures_have_the_bits_that_each_call_by_itself_gives(
    dtype: ElementType,
) -> None:
    net, plain = made(dtype)
    for seed in range(4):
        images = seeded(seed)
        assert same_bits(net(images), plain(images))
    assert not same_bits(net(seeded(0)), net(seeded(1)))


def test_sizes_take_turns_and_the_last_that_came_twice_is_kept() -> None:
    net, plain = made()
    sides = [32, 64, 32, 32, 64, 96, 96, 32, 96, 64, 64, 64]
    kept = []
    for seed, side in enumerate(sides):
        images = seeded(seed, side, batch=1)
        # Whatever memory the calls point to must be theirs still.
        gc.collect()
        churn = [np.full(4096, np.nan, np.float32) for _ in range(64)]
        assert same_bits(net(images), plain(images))
        del churn
        plan = net._own.plan
        kept.append(plan.pictures.shape[1] if plan else None)
    assert kept == [None] * 3 + [32, 32, 32, 96, 96, 96, 96, 64, 64]


def test_what_is_recorded_is_called_by_no_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, plain = made()
    expected = plain(seeded(1)).copy()
    for _ in range(2):
        net(seeded(0))

    def refuse(*_: object) -> None:
        message = "a layer was called by Python"
        raise AssertionError(message)

    monkeypatch.setattr(NativeEngine, "_kernels", property(refuse))
    assert same_bits(net(seeded(1)), expected)
    with pytest.raises(AssertionError, match="called by Python"):
        net(seeded(1, side=64))


def test_logits_are_the_callers_own() -> None:
    net, _ = made()
    found = [net(seeded(seed)) for seed in range(4)]
    again = [net(seeded(seed)) for seed in range(4)]
    for first, second in zip(found, again, strict=True):
        assert same_bits(first, second)
        assert not np.shares_memory(first, second)


def test_a_recording_that_failed_leaves_no_plan() -> None:
    net, plain = made()
    with pytest.raises(UsageError, match="expected float32"):
        net(seeded(0).astype(np.float64))
    images = channels_last(pictures(32, 32, batch=2))
    net(images)
    program, net._program = net._program, failing
    with pytest.raises(MemoryError):
        net(images)
    net._program = program
    assert net._own.plan is None
    for _ in range(3):
        assert same_bits(net(images), plain(images))
    assert net._own.plan is not None


def failing(_: Array) -> Array:
    raise MemoryError
