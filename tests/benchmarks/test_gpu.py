"""The GPU benchmark's arithmetic and shapes; its times need a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu_traffic
from benchmarks.gpu_traffic import REDNET26, Shape
from tests.support.frameworks import torch, torch_net

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *arguments],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_gpu_it_says_so_and_fails() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stderr.startswith("no GPU")
    assert done.stdout == ""


def test_the_documented_bytes_are_the_printed_ones() -> None:
    done = run("--arithmetic")
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "gpu.md").read_text("utf-8")
    float32 = done.stdout.split("\n\n")[0].strip().splitlines()[1:]
    assert len(float32) == 2 + len(REDNET26)
    assert "\n".join(float32) in page


def test_bytes_are_those_of_the_tensors() -> None:
    shape = Shape("any", 32, 10, stride=2, kernel_size=3)
    x, weight, out = 2 * 32 * 100, 2 * 2 * 9 * 25, 2 * 32 * 25
    assert gpu_traffic.forward(shape, 2) == x + weight + out
    assert gpu_traffic.backward(shape, 2) == 2 * x + 2 * weight + out
    assert gpu_traffic.unfused_tail(shape, 2) == x + weight + 3 * out
    features = 2 * 8 * 25
    assert gpu_traffic.generated(shape, 2) == x + features + out
    assert gpu_traffic.from_features(shape, 2) == x + features + 2 * weight + out


def test_shapes_are_those_that_rednet26_has() -> None:
    from ppim_port.models.family import load_family

    family = load_family("rednet")
    net = torch_net.build(family.configure("26")).eval()
    found = []

    def note(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        _, channels, side, _ = inputs[0].shape
        found.append((channels, side, module.stride, module.kernel_size))

    layers = [m for m in net.modules() if type(m).__name__ == "Involution"]
    for layer in layers:
        layer.register_forward_pre_hook(note)
    with torch.no_grad():
        net(torch.zeros(1, 3, 224, 224))
    expected = [
        (shape.channels, shape.side, shape.stride, shape.kernel_size)
        for shape in REDNET26
        for _ in range(shape.count)
    ]
    assert found == expected


@pytest.mark.parametrize("shape", REDNET26, ids=lambda shape: shape.name)
def test_fusing_never_moves_more(shape: Shape) -> None:
    assert gpu_traffic.forward(shape, 1) < gpu_traffic.unfused_tail(shape, 1)
    assert gpu_traffic.generated(shape, 1) < gpu_traffic.from_features(shape, 1)
