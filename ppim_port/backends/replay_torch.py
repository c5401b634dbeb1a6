"""Run a description: the net that it was taken from, without the package it came from.

What a recorded net of torchvision does with somebody's weights can so be known where
torchvision is absent. Worth exactly as much as the description, which is why its
logits are held against the recorded logits of the real net.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import torch
import torch.nn.functional as F

from ppim_port.pairs.compare import IDENTITY
from ppim_port.pairs.port import wanted_keys
from ppim_port.pairs.records import IN_OUT, LAYOUT, Kind, NetDescription, Op

Values: TypeAlias = list[torch.Tensor]
Settings: TypeAlias = dict[str, Any]
Weights: TypeAlias = Mapping[str, torch.Tensor]
Function: TypeAlias = Callable[[Values, Settings, Weights], torch.Tensor]


class Replay(torch.nn.Module):
    """A net that is made of its description; its state dict has the net's own keys."""

    def __init__(self, net: NetDescription) -> None:
        super().__init__()
        self.net = net
        self._done_after = _last_uses(net.ops)
        for key in wanted_keys(net):
            info, (path, _, leaf) = net.tensors[key], key.rpartition(".")
            zeros = torch.zeros(info.shape, dtype=getattr(torch, info.dtype))
            self._layer(path).register_buffer(leaf, zeros)

    def _layer(self, path: str) -> torch.nn.Module:
        layer: torch.nn.Module = self
        for name in path.split("."):
            if name not in layer._modules:
                layer.add_module(name, torch.nn.Module())
            layer = cast(torch.nn.Module, layer._modules[name])
        return layer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images `[N, 3, H, W]` to logits `[N, classes]`."""
        buffers = dict(self.named_buffers())
        values: dict[int, torch.Tensor] = {}
        for index, op in enumerate(self.net.ops):
            inputs = [values[i] for i in op.inputs] or [images]
            # The settings are plain data by now; each function knows its own.
            settings = dict[str, Any](op.settings)
            weights = {role: buffers[key] for role, key in op.tensors.items()}
            values[index] = RUN[op.kind](inputs, settings, weights)
            for done in self._done_after[index]:
                del values[done]
        return values[len(self.net.ops) - 1]


def _last_uses(ops: Sequence[Op]) -> list[list[int]]:
    """For each operation, the values that nobody asks for after it."""
    last = {i: index for index, op in enumerate(ops) for i in op.inputs}
    done: list[list[int]] = [[] for _ in ops]
    for value, index in last.items():
        done[index].append(value)
    return done


def _conv(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    return F.conv2d(x[0], w["weight"], w.get("bias"), **s)


def _linear(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    weight = w["weight"].T if s[LAYOUT] == IN_OUT else w["weight"]
    return F.linear(x[0], weight, w.get("bias"))


def _batch_norm(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    mean, variance = w["running_mean"], w["running_var"]
    return F.batch_norm(x[0], mean, variance, w["weight"], w["bias"], eps=s["eps"])


def _hardsigmoid(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    if (s["slope"], s["offset"]) == (1 / 6, 0.5):
        return F.hardsigmoid(x[0])
    return torch.clamp(x[0] * s["slope"] + s["offset"], 0, 1)


def _pool(function: Callable[..., torch.Tensor]) -> Function:
    def run(x: Values, s: Settings, w: Weights) -> torch.Tensor:
        return function(x[0], kernel_size=s.pop("kernel"), **s)

    return run


def _dropout(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    return x[0] if s["mode"] == IDENTITY else x[0] * (1 - s["p"])


def _split(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    return x[0].chunk(s["parts"], s["axis"])[s["part"]]


def _shuffle(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    return F.channel_shuffle(x[0], s["groups"])


def _concat(x: Values, s: Settings, w: Weights) -> torch.Tensor:
    return torch.cat(x, s["axis"])


RUN: dict[Kind, Function] = {
    "input": lambda x, s, w: x[0],
    "conv": _conv,
    "batch_norm": _batch_norm,
    "linear": _linear,
    "relu": lambda x, s, w: F.relu(x[0]),
    "relu6": lambda x, s, w: F.relu6(x[0]),
    "hardswish": lambda x, s, w: F.hardswish(x[0]),
    "hardsigmoid": _hardsigmoid,
    "max_pool": _pool(F.max_pool2d),
    "avg_pool": _pool(F.avg_pool2d),
    "adaptive_avg_pool": lambda x, s, w: F.adaptive_avg_pool2d(x[0], s["size"]),
    "dropout": _dropout,
    "flatten": lambda x, s, w: x[0].flatten(1),
    "split": _split,
    "channel_shuffle": _shuffle,
    "concat": _concat,
    "add": lambda x, s, w: x[0] + x[1],
    "mul": lambda x, s, w: x[0] * x[1],
    "output": lambda x, s, w: x[0],
}
