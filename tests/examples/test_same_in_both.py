"""From the same weights, both frameworks' trainings take the same steps.

In float64: in float32 the frameworks round differently, which puts some input of a ReLU
on the other side of zero, and in a batch of 20 one such unit is 1 to 10 % of a tensor's
largest update after three steps, on some processors and with some seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.common.batches import Batches
from examples.common.run_folder import read_history
from examples.resnet_nam_cifar100 import train_paddle, train_torch
from ppim_port import create_model
from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.state_dict import FrameworkName, StateDict
from tests.examples.made import CIFAR, needs_cifar
from tests.examples.processes import end_of
from tests.support.frameworks import torch

MODEL = "resnet18_nam_imagenet"
# Of the largest update of a tensor, after three steps: 2.3e-7 measured with each of six
# seeds (torch 2.13.0, paddle 3.3.1), since Paddle holds rates and momenta in float32.
SLACK = 1e-6
FEW = [
    *("--smoke", "--quiet", "--data", str(CIFAR), "--limit", "60"),
    *("--epochs", "1", "--batch-size", "20", "--warmup-steps", "0"),
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets and pictures in float64."""
    batch = Batches._batch

    def wide_batch(self: Batches, *part: Any) -> Any:
        images, labels = batch(self, *part)
        return images.astype(np.float64), labels

    def wide_net(name: str, *, framework: FrameworkName, **options: Any) -> Any:
        net = create_model(name, framework=framework, **options)
        net.to(dtype=torch.float64 if framework == "torch" else "float64")
        return net

    monkeypatch.setattr(Batches, "_batch", wide_batch)
    for module in (train_torch, train_paddle):
        monkeypatch.setattr(module, "create_model", wide_net)


@pytest.fixture
def first() -> StateDict:
    torch.manual_seed(0)
    net = create_model(MODEL, framework="torch", num_classes=10)
    return get_backend("torch").state(net)


def paddles(key: str, state: StateDict) -> Any:
    """PyTorch's tensor out of Paddle's state dict."""
    value = state[key.replace(".running_mean", "._mean")]
    return value.T if key == "fc.weight" else value


@needs_cifar
def test_three_steps_leave_the_same_weights_and_history(
    first: StateDict, tmp_path: Path
) -> None:
    start = tmp_path / "start.pth"
    write(first, start, kind="pth", framework="torch")
    for name, train in (("torch", train_torch), ("paddle", train_paddle)):
        run = ["--run", str(tmp_path / name), "--weights", str(start)]
        assert train.main([*FEW, *run]) == 0
    ours = end_of(tmp_path / "torch", "torch")[0]
    theirs = end_of(tmp_path / "paddle", "paddle")[0]
    for key, value in ours.items():
        if key.endswith(("num_batches_tracked", "running_var")):
            continue  # counted by PyTorch alone; biased in Paddle alone
        assert value.dtype == np.float64
        moved = np.abs(value - first[key]).max()
        assert np.abs(value - paddles(key, theirs)).max() <= SLACK * moved, key
    one, other = (read_history(tmp_path / name)[0] for name in ("torch", "paddle"))
    assert one.train_loss == pytest.approx(other.train_loss, rel=SLACK)
    assert one.train_top1 == other.train_top1
