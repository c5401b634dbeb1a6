"""The records are what the packages do: Paddle's live nets, torchvision's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppim_port.backends import paddle_vision_nets, torchvision_nets
from ppim_port.backends.replay_torch import Replay
from ppim_port.backends.torch import BACKEND
from ppim_port.pairs import MODELS, native_state
from ppim_port.pairs.recorded import DATA, answer, description_path, write_description
from ppim_port.pairs.seeded import seeded_images, seeded_state
from tests.pairs.made import pair_of

QUICK = ("mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1")
SLOW = tuple(m for m in MODELS if m not in QUICK)
# The whole of the shipped data.
MAX_BYTES = 1_000_000

models = pytest.mark.parametrize(
    "model", [*QUICK, *(pytest.param(m, marks=pytest.mark.slow) for m in SLOW)]
)


def test_the_records_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < MAX_BYTES


def test_every_model_is_recorded_with_its_versions() -> None:
    for model in MODELS:
        torchvision, paddle = pair_of(model)
        assert torchvision.made_with == {"torchvision": "0.28.0", "torch": "2.13.0"}
        assert paddle.made_with == {"paddlepaddle": "3.3.1"}
        assert torchvision.num_classes == paddle.num_classes == 1000
        assert answer(model).logits.shape == (1, 1000)


def test_recording_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for net in pair_of("squeezenet1_1"):
        write_description(net, tmp_path)
        made = description_path(net.net, tmp_path).read_bytes()
        assert made == description_path(net.net).read_bytes()


@models
def test_paddles_live_net_is_as_recorded(model: str) -> None:
    assert paddle_vision_nets.describe(model) == pair_of(model)[1]


@models
def test_the_recorded_net_answers_as_the_real_torchvision_did(model: str) -> None:
    """Bit for bit where this was recorded; another CPU rounds otherwise."""
    net = pair_of(model)[0]
    replay = Replay(net).double().eval()
    BACKEND.load(replay, native_state(net, seeded_state(net)))
    found = BACKEND.predict(replay, seeded_images(net.image_size))
    real = answer(model).logits
    assert np.abs(found - real).max() <= 1e-12 * np.abs(real).max()


@pytest.mark.skipif(
    not torchvision_nets.installed(), reason="torchvision is not installed here"
)
@models
def test_torchvisions_live_net_is_as_recorded(model: str) -> None:
    assert torchvision_nets.describe(model).ops == pair_of(model)[0].ops
