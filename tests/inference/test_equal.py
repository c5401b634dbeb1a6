"""The inference form is the plain net: to float64's noise, else within rounding."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.errors import InputSizeError
from ppim_port.inference.programs import make_program
from ppim_port.native.packing import ElementType
from ppim_port.state_dict import FrameworkName
from tests.support.frameworks import TorchEngine, torch
from tests.support.inference import (
    SIZES,
    SMALL,
    TOLERANCES,
    Frames,
    channels_last,
    framework_program,
    native_program,
    pictures,
)
from tests.support.native import ISAS, needs_kernels, on_every_set
from tests.support.nets import PARITY, logits, relative
from tests.support.states import VARIANTS, made_state, rednet

every_engine = pytest.mark.parametrize("engine", ["torch", "paddle"])
every_state = pytest.mark.parametrize("framework", ["torch", "paddle"])
every_dtype = pytest.mark.parametrize("dtype", list(TOLERANCES))


@every_engine
@every_state
def test_float64_logits_are_those_of_the_plain_net(
    engine: Frames, framework: FrameworkName
) -> None:
    run = framework_program(engine, framework, SMALL, "float64")
    for size in SIZES:
        images = pictures(*size)
        expected = logits(framework, images, SMALL)
        assert relative(run(channels_last(images)), expected) < PARITY


@pytest.mark.slow
@every_engine
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stem", [3, 7])
def test_float64_logits_of_every_variant_and_stem(
    engine: Frames, variant: str, stem: int
) -> None:
    config = rednet(variant, num_classes=7, stem_kernel_size=stem)
    images = pictures(64, 32)
    run = framework_program(engine, engine, config, "float64")
    expected = logits(engine, images, config)
    assert relative(run(channels_last(images)), expected) < PARITY


@needs_kernels
@on_every_set
@every_state
@every_dtype
def test_native_logits_are_within_rounding(
    isa: str, framework: FrameworkName, dtype: ElementType
) -> None:
    run = native_program(isa, framework, dtype)
    for size in SIZES:
        images = pictures(*size)
        found = run(channels_last(images))
        assert found.dtype == np.float32
        assert relative(found, logits("torch", images, SMALL)) < TOLERANCES[dtype]


@every_engine
def test_engines_of_the_frameworks_run_float32_too(engine: Frames) -> None:
    images = pictures()
    found = framework_program(engine, engine, SMALL, "float32")(channels_last(images))
    assert found.dtype == np.float32
    limit = TOLERANCES["float32"]
    assert relative(found, logits("torch", images, SMALL)) < limit


@needs_kernels
@pytest.mark.parametrize("size", [(28, 32), (16, 16), (33, 64), (1, 1)])
def test_pictures_that_the_net_cannot_take_are_refused_by_every_engine(
    size: tuple[int, int],
) -> None:
    images = channels_last(pictures(*size, batch=1))
    programs = [
        native_program(ISAS[-1]),
        framework_program("torch", "torch", SMALL, "float32"),
        framework_program("paddle", "paddle", SMALL, "float32"),
    ]
    for run in programs:
        with pytest.raises(InputSizeError, match=f"{size[0]}x{size[1]}"):
            run(images)


def test_the_proof_sees_weights_of_one_channel_that_are_off_by_a_thousandth() -> None:
    images = pictures()
    state = {key: value.copy() for key, value in made_state(SMALL).items()}
    state["layer3.0.conv1.weight"][:, 5] *= 1.001
    engine = TorchEngine(torch.empty(0, dtype=torch.float64))
    run = make_program(engine, state, "torch", SMALL)
    found = run(torch.from_numpy(channels_last(images)).double()).numpy()
    assert relative(found, logits("torch", images, SMALL)) > 10 * PARITY
