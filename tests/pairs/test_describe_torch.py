"""A live PyTorch net is described by what it executes, and replays to the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ppim_port.backends.describe_torch import describe_torch
from ppim_port.backends.replay_torch import Replay
from ppim_port.errors import InputError
from ppim_port.pairs import NetDescription, NetName

NAME = NetName("torchvision", "made-up")


class Net(torch.nn.Module):
    """Every operation of our vocabulary, on pictures of 16x16."""

    def __init__(self) -> None:
        super().__init__()
        conv = torch.nn.Conv2d
        self.stem = conv(3, 8, 3, stride=2, padding=(1, 2), bias=False)
        self.norm = torch.nn.BatchNorm2d(8, eps=1e-3)
        self.deep = conv(8, 8, 3, padding=2, dilation=2, groups=4)
        self.unused = torch.nn.Linear(2, 2)
        self.head = torch.nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        gate = F.hardsigmoid(self.deep(F.adaptive_avg_pool2d(x, 1)))
        y = F.hardswish(F.relu6(self.deep(x)) * gate)
        y = self.shuffled(y)
        one, two = y.chunk(2, dim=1)
        y = torch.cat([two, F.avg_pool2d(one, 3, 1, 1, count_include_pad=False)], 1)
        y = torch.cat([y + x, y], dim=1)
        return self.head(F.dropout(y.mean([2, 3]), 0.4, self.training))

    def shuffled(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def described(net: torch.nn.Module) -> NetDescription:
    return describe_torch(net.eval(), NAME, 16, {})


def seeded(net: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return net.double()


def test_a_net_replays_to_the_same_bits() -> None:
    net = Net()
    replay = Replay(described(net))
    net = seeded(net).eval()
    replay.double().load_state_dict(
        {k: v for k, v in net.state_dict().items() if "unused" not in k}
    )
    picture = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    assert torch.equal(replay(picture), net(picture))


def test_every_setting_is_written_down() -> None:
    ops = described(Net()).ops
    settings = {op.kind: dict(op.settings) for op in ops if op.settings}
    assert dict(ops[1].settings) == {
        "stride": (2, 2),
        "padding": (1, 2),
        "dilation": (1, 1),
        "groups": 1,
    }
    assert settings["batch_norm"] == {"eps": 1e-3, "momentum": 0.1}
    assert settings["max_pool"]["ceil_mode"] is True
    assert settings["avg_pool"]["count_include_pad"] is False
    assert settings["dropout"] == {"p": 0.4, "mode": "upscale_in_train"}
    assert settings["channel_shuffle"] == {"groups": 2}
    assert settings["linear"] == {"layout": "out_in"}


def test_what_no_operation_uses_is_unread() -> None:
    assert described(Net()).unread == (
        "norm.num_batches_tracked",
        "unused.weight",
        "unused.bias",
    )


class InPlace(torch.nn.Module):
    """The shortcut is taken before the ReLU and changed by it all the same."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x + x
        shortcut = y
        return torch.flatten(F.relu_(y) + shortcut, 1)


def test_an_operation_in_place_changes_its_operand_too() -> None:
    ops = described(InPlace()).ops
    (relu,) = [i for i, op in enumerate(ops) if op.kind == "relu"]
    assert [op.inputs for op in ops if op.kind == "add"] == [(0, 0), (relu, relu)]


class Calls(torch.nn.Module):
    """One call on the picture."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.call(x)
        return y


@pytest.mark.parametrize(
    "call",
    [
        torch.tanh,
        lambda x: x * 2,
        lambda x: x + 1,
        lambda x: torch.add(x, x, alpha=2),
        lambda x: F.hardtanh(x, -1, 1),
        lambda x: x.mean([1, 2]),
        lambda x: F.max_pool2d(x, 2, dilation=2),
        lambda x: F.avg_pool2d(x, 2, divisor_override=3),
        lambda x: torch.flatten(x, 2),
        lambda x: F.dropout(x, 0.5, True),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: x.transpose(2, 3),
    ],
)
def test_a_call_that_cannot_be_described_is_refused(call: Any) -> None:
    with pytest.raises(InputError, match="torchvision:made-up cannot be described"):
        described(Calls(call))
