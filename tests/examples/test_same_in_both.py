"""From the same weights, both frameworks' trainings take the same steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from examples.common.run_folder import read_history
from examples.resnet_nam_cifar100 import train_paddle, train_torch
from ppim_port import create_model
from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.manifest import load_manifest
from ppim_port.weights import load_weights
from tests.examples.made import CIFAR, needs_cifar
from tests.examples.processes import end_of
from tests.support.frameworks import torch

MODEL = "resnet18_nam_imagenet"
# Of the largest update of a tensor, after three steps: 2.2e-3 measured (torch 2.13.0,
# paddle 3.3.1); with a weight decay of 4e-4 in one of the two it is 0.16.
SLACK = 1e-2


@needs_cifar
def test_three_steps_leave_the_same_weights_and_history(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = create_model(MODEL, framework="torch", num_classes=10)
    first = get_backend("torch").state(net)
    start = tmp_path / "start.pth"
    write(first, start, kind="pth", framework="torch")
    few = ["--smoke", "--quiet", "--data", str(CIFAR), "--weights", str(start)]
    few += [
        "--limit",
        "60",
        "--epochs",
        "1",
        "--batch-size",
        "20",
        "--warmup-steps",
        "0",
    ]
    for name, train in (("torch", train_torch), ("paddle", train_paddle)):
        assert train.main([*few, "--run", str(tmp_path / name)]) == 0
    ours = end_of(tmp_path / "torch", "torch")[0]
    paddles = tmp_path / "paddle" / "weights.pdparams"
    theirs = load_weights(
        paddles, load_manifest().model(MODEL), framework="torch"
    ).state
    for key, value in ours.items():
        if key.endswith(("num_batches_tracked", "running_var")):
            continue  # counted by PyTorch alone; biased in Paddle alone
        moved = np.abs(value - first[key]).max()
        assert np.abs(value - theirs[key]).max() <= SLACK * moved, key
    one, other = (read_history(tmp_path / name)[0] for name in ("torch", "paddle"))
    assert abs(one.train_loss - other.train_loss) < 1e-3
    assert one.train_top1 == other.train_top1
