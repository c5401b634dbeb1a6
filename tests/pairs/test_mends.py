"""A mend changes what the table says and nothing else, and only the net it is for."""

from __future__ import annotations

import pytest

from ppim_port.errors import MappingError
from ppim_port.pairs import (
    MENDS,
    MODELS,
    Mend,
    compare,
    infer,
    paddle_net,
    unmended,
)
from tests.pairs.made import MENDED, pair_of


def left(model: str, *, paddle_is_source: bool) -> int:
    nets = pair_of(model)
    found = compare(infer(*(nets[::-1] if paddle_is_source else nets)))
    return len(unmended(found, MENDS[model], paddle_is_source=paddle_is_source))


@pytest.mark.parametrize("paddle_is_source", [False, True])
@pytest.mark.parametrize("model", MENDED)
def test_the_table_covers_every_difference(model: str, paddle_is_source: bool) -> None:
    assert left(model, paddle_is_source=paddle_is_source) == 0


@pytest.mark.parametrize("model", MENDED)
def test_no_mend_of_the_table_is_needless(model: str) -> None:
    found = compare(infer(*pair_of(model)))
    for mend in MENDS[model]:
        rest = [other for other in MENDS[model] if other.parameter != mend.parameter]
        assert unmended(found, rest, paddle_is_source=False)


def test_nets_that_need_no_mend_have_none() -> None:
    assert MENDS.keys() == MENDED.keys()
    assert MENDS.keys() < set(MODELS)


@pytest.mark.parametrize(
    "model", ["alexnet", "mobilenet_v3_small", "squeezenet1_0", "squeezenet1_1"]
)
def test_paddles_live_net_once_mended_does_what_torchvisions_does(model: str) -> None:
    from ppim_port.backends import paddle_vision_nets

    live = paddle_vision_nets.describe(model, mended=True)
    assert compare(infer(pair_of(model)[0], live)) == ()


def test_an_unmended_net_is_as_paddle_made_it() -> None:
    from ppim_port.backends import paddle_vision_nets

    for model in ("squeezenet1_1", "alexnet"):
        assert paddle_vision_nets.describe(model).ops == pair_of(model)[1].ops


def test_a_mended_net_has_the_same_keys() -> None:
    stock, mended = (paddle_net("alexnet", mended=m) for m in (False, True))
    assert list(stock.state_dict()) == list(mended.state_dict())


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        (Mend("_pool", "ceil_mode", True, False), "has ceil_mode False"),
        (Mend("_conv", "padding", (0, 0), (1, 1)), r"has padding \(1, 1\)"),
        (Mend("_poll", "ceil_mode", False, True), "is not there"),
        (Mend("_drop", "slope", 1.0, 2.0), "is not there"),
    ],
)
def test_a_net_that_the_mend_was_not_made_for_is_refused(
    mend: Mend, words: str
) -> None:
    from ppim_port.backends.mend_paddle import mend as apply

    with pytest.raises(MappingError, match=words):
        apply(paddle_net("squeezenet1_1"), [mend])
