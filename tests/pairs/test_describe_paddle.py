"""A live Paddle net is described by what it executes; mirrors the torch test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.backends.describe_paddle import describe_paddle
from ppim_port.backends.paddle import BACKEND, paddle
from ppim_port.backends.replay_torch import Replay
from ppim_port.backends.torch import BACKEND as TORCH
from ppim_port.errors import InputError
from ppim_port.pairs import NetDescription, NetName
from ppim_port.pairs.seeded import seeded_images, seeded_state

NAME = NetName("paddle.vision", "made-up")
F = paddle.nn.functional


class Net(paddle.nn.Layer):
    """Every operation of our vocabulary, on pictures of 16x16."""

    def __init__(self) -> None:
        super().__init__()
        conv = paddle.nn.Conv2D
        self.stem = conv(3, 8, 3, stride=2, padding=(1, 2), bias_attr=False)
        self.norm = paddle.nn.BatchNorm2D(8, momentum=0.99, epsilon=1e-3)
        self.old_norm = paddle.nn.BatchNorm(8, act="relu")
        self.deep = conv(8, 8, 3, padding=2, dilation=2, groups=4)
        self.unused = paddle.nn.Linear(2, 2)
        self.drop = paddle.nn.Dropout(0.5, mode="downscale_in_infer")
        self.head = paddle.nn.Linear(16, 5)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        x = self.old_norm(F.relu6(self.norm(self.stem(x))))
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        gate = F.relu6(self.deep(F.adaptive_avg_pool2d(x, 1)) + 3.0) / 6.0
        y = self.shuffled(F.hardswish(self.deep(x)) * F.hardsigmoid(gate))
        one, two = paddle.split(y, 2, axis=1)
        y = paddle.concat([two, F.avg_pool2d(one, 3, 1, 1, exclusive=True)], axis=1)
        y = F.adaptive_avg_pool2d(paddle.concat([y + x, y], axis=1), 1)
        return self.head(self.drop(paddle.squeeze(y, axis=[2, 3])))

    def shuffled(self, x: paddle.Tensor) -> paddle.Tensor:
        n, c, h, w = x.shape
        x = paddle.reshape(x, [n, 2, c // 2, h, w])
        return paddle.reshape(paddle.transpose(x, [0, 2, 1, 3, 4]), [n, c, h, w])


def described(net: paddle.nn.Layer) -> NetDescription:
    net.eval()
    return describe_paddle(net, NAME, 16, {})


def test_a_net_replays_in_the_other_framework() -> None:
    net = Net()
    own = described(net)
    state = seeded_state(own)
    net.to(dtype="float64")
    net.eval()
    BACKEND.load(net, state)
    replay = Replay(own).double().eval()
    TORCH.load(replay, {k: v for k, v in state.items() if "unused" not in k})
    ours, theirs = (
        backend.predict(model, seeded_images(16))
        for backend, model in ((BACKEND, net), (TORCH, replay))
    )
    assert np.abs(ours - theirs).max() < 1e-12 * np.abs(ours).max()


def test_every_setting_is_written_down_in_pytorchs_conventions() -> None:
    ops = described(Net()).ops
    settings = {op.kind: dict(op.settings) for op in ops if op.settings}
    assert dict(ops[1].settings) == {
        "stride": (2, 2),
        "padding": (1, 2),
        "dilation": (1, 1),
        "groups": 1,
    }
    norms = [dict(op.settings) for op in ops if op.kind == "batch_norm"]
    assert norms == [{"eps": 1e-3, "momentum": 0.01}, {"eps": 1e-5, "momentum": 0.1}]
    assert settings["max_pool"]["ceil_mode"] is True
    assert settings["avg_pool"]["count_include_pad"] is False
    assert settings["dropout"] == {"p": 0.5, "mode": "downscale_in_infer"}
    assert settings["channel_shuffle"] == {"groups": 2}
    assert settings["linear"] == {"layout": "in_out"}
    slopes = [op.settings["slope"] for op in ops if op.kind == "hardsigmoid"]
    assert slopes == [1 / 6, 0.16666670143604279]


def test_what_no_operation_uses_is_unread() -> None:
    assert described(Net()).unread == ("unused.weight", "unused.bias")


def test_a_net_is_not_changed_by_being_described() -> None:
    net = Net()
    described(net)
    picture = paddle.ones([2, 3, 16, 16])
    assert net(picture).shape == [2, 5]
    assert net.forward.__func__ is Net.forward


class Calls(paddle.nn.Layer):
    """One call on the picture."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.call(x)


@pytest.mark.parametrize(
    "call",
    [
        paddle.tanh,
        lambda x: x * 2,
        lambda x: x + 1,
        lambda x: paddle.matmul(x, x),
        lambda x: F.adaptive_max_pool2d(x, 2),
        lambda x: F.dropout(x, 0.5, training=True),
        lambda x: paddle.flatten(x, 2),
        lambda x: paddle.squeeze(x, [0]),
        lambda x: paddle.concat(paddle.split(x, [1, 2], axis=1), axis=1),
        lambda x: F.max_pool2d(x, 3, 2, padding="SAME"),
    ],
)
def test_a_call_that_cannot_be_described_is_refused(call: Any) -> None:
    with pytest.raises(InputError, match=r"paddle\.vision:made-up cannot be described"):
        described(Calls(call))
