"""Both nets hold exactly the tensors that the layers say, in that order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import pytest

from ppim_port.mapping import tensors
from ppim_port.models.rednet.family import RedNetConfig
from ppim_port.state_dict import FrameworkName
from tests.support.frameworks import paddle, paddle_net, torch, torch_net
from tests.support.states import PUBLISHED_COUNTS, VARIANTS, layers_of, rednet

CONFIGS = [
    *(rednet(variant) for variant in VARIANTS),
    rednet("26", num_classes=7),
    rednet("26", stem_kernel_size=7),
]


@contextmanager
def without_memory() -> Iterator[None]:
    """Nets built in here have shapes and no values: quick even for RedNet-152."""
    with torch.device("meta"), paddle.LazyGuard():
        yield


def build(framework: FrameworkName, config: RedNetConfig) -> Any:
    with without_memory():
        return {"torch": torch_net, "paddle": paddle_net}[framework].build(config)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_nets_tensors_are_those_of_its_layers_in_their_order(
    framework: FrameworkName, config: RedNetConfig
) -> None:
    found = [
        (key, tuple(tensor.shape), str(tensor.dtype).removeprefix(f"{framework}."))
        for key, tensor in build(framework, config).state_dict().items()
    ]
    specs = tensors(layers_of(config), framework)
    assert found == [(spec.key, spec.shape, spec.dtype) for spec in specs]


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_counts_the_published_parameters(variant: str) -> None:
    model = build("torch", rednet(variant))
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED_COUNTS[variant][3]


@pytest.mark.parametrize("variant", VARIANTS)
def test_paddle_counts_the_published_parameters_as_trainable(variant: str) -> None:
    model = build("paddle", rednet(variant))
    trained = [p for p in model.parameters() if not p.stop_gradient]
    assert sum(prod(p.shape) for p in trained) == PUBLISHED_COUNTS[variant][3]


def test_paddle_summary_prints_the_articles_9264318(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = paddle_net.build(rednet("26"))
    counted = paddle.summary(model, (1, 3, 32, 32))
    printed = capsys.readouterr().out
    assert counted == {"total_params": 9_264_318, "trainable_params": 9_233_166}
    # Its own count of the running statistics, which Paddle keeps as parameters.
    assert "Non-trainable params: 31,152" in printed


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_seven_pixel_stem_fits_rednet152s_published_33_99_million(
    framework: FrameworkName,
) -> None:
    model = build(framework, rednet("152", stem_kernel_size=7))
    trained = [
        prod(p.shape)
        for p in model.parameters()
        if not getattr(p, "stop_gradient", False)
    ]
    assert round(sum(trained) / 1e6, 2) == 33.99


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_new_net_is_in_training_mode(framework: FrameworkName) -> None:
    assert build(framework, rednet("26")).training
