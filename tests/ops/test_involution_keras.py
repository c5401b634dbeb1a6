"""The Keras layer on each backend, in a process of its own; and against our others.

Keras takes its backend for good when it is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.backends.wide_keras import kept
from tests.support import keras_home
from tests.support.frameworks import involution_paddle, involution_torch, paddle, torch

ROOT = Path(__file__).parents[2]
CHECKS = Path(__file__).parent / "keras_layer" / "check_layer.py"
NORM = ("weight", "bias", "running_mean", "running_var")
BACKENDS = ("torch", "jax", "tensorflow")
# float64, of the largest output: 1e-15 measured.
FLOAT64 = 1e-12

assert keras_home.HOME


@pytest.mark.parametrize(
    ("backend", "which"),
    [
        *((backend, "not slow") for backend in BACKENDS),
        pytest.param("jax", "slow", marks=pytest.mark.slow),
    ],
)
def test_the_layer_passes_its_checks(backend: str, which: str) -> None:
    quiet = ["-q", "-p", "no:cacheprovider", "-W", "ignore", "-m", which]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *quiet, str(CHECKS)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("stride", [1, 2])
def test_in_the_papers_convention_it_is_our_torch_and_paddle_layer(stride: int) -> None:
    """With the same weights, turned as the mapping turns them, and nothing else."""
    get_backend("keras")
    from ppim_port.ops.involution_keras import Involution

    torchs = involution_torch.Involution(8, 3, stride, group_channels=2, reduction=2)
    random = np.random.default_rng(0)
    torchs = torchs.double().eval()
    with torch.no_grad():
        for tensor in torchs.state_dict().values():
            if tensor.dtype.is_floating_point:
                value = random.uniform(0.5, 1.5, tuple(tensor.shape))
                tensor.copy_(torch.from_numpy(value))
    state = {key: value.numpy() for key, value in torchs.state_dict().items()}
    paddles = involution_paddle.Involution(8, 3, stride, group_channels=2, reduction=2)
    paddles.to(dtype="float64")
    paddles.eval()
    names = {"running_mean": "_mean", "running_var": "_variance"}
    for key, value in state.items():
        layer, _, leaf = key.rpartition(".")
        if leaf != "num_batches_tracked":
            own = paddles.state_dict()[f"{layer}.{names.get(leaf, leaf)}"]
            own.set_value(paddle.to_tensor(value))
    x = random.standard_normal((2, 8, 6, 4))
    # Paddle adds float32's 1e-5 in float64, so ours is held to torch's.
    with torch.no_grad():
        wanted = torchs(torch.from_numpy(x)).numpy()
    near = paddles(paddle.to_tensor(x)).numpy()
    assert np.abs(near - wanted).max() < 1e-8 * np.abs(wanted).max()
    with kept("float64"):
        made = Involution(
            8,
            4,
            stride=stride,
            reduction_ratio=2,
            convention="paper",
            use_bias=False,
            momentum=0.9,
            epsilon=1e-5,
            dtype="float64",
        )
        made.build((None, 6, 4, 8))
        bn = "conv1.bn"
        made.set_weights(
            [
                state["conv1.conv.weight"].transpose(2, 3, 1, 0),
                *(state[f"{bn}.{leaf}"] for leaf in NORM),
                state["conv2.conv.weight"].transpose(2, 3, 1, 0),
                state["conv2.conv.bias"],
            ]
        )
        tensor = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        found = made(tensor).detach().numpy().transpose(0, 3, 1, 2)
    assert np.abs(found - wanted).max() < FLOAT64 * np.abs(wanted).max()
