"""rednet26 by variant, against the limit of this machine, measured in the same run.

    python -m benchmarks.nets

One picture at a time on one thread; a process of its own for each variant.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.limits import product_rate, read_rate, scaling, seconds
from benchmarks.measure import machine
from ppim_port.table import table

VARIANTS = {
    "Paddle, unfold": "paddle",
    "Paddle, shifts": "paddle",
    "Paddle, C++ involution": "paddle",
    "torch, unfold": "torch",
    "torch, shifts": "torch",
    "torch, C++ involution": "torch",
    "inference form, torch's operators": "torch",
    "inference form, C++, fp32": "torch",
    "inference form, C++, bf16": "torch",
}
SIDE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS)
    chosen = parser.parse_args().variant
    if chosen:
        print(json.dumps(_measure(chosen)))
        return
    print(machine())
    rates = {"fp32": product_rate(), "bf16": product_rate("bfloat16")}
    work = flops()
    print(
        f"rednet26: {work / 1e9:.2f} GFLOP in products; a core here reaches "
        f"{rates['fp32'] / 1e9:.0f} GFLOP/s in fp32 and {rates['bf16'] / 1e9:.0f} in "
        f"bf16, and reads {read_rate() / 1e9:.0f} GB/s; all cores are worth "
        f"{scaling():.2f} of one\n"
    )
    times = {name: _run(name) for name in VARIANTS}
    first = times["Paddle, unfold"]
    rows = []
    for name, time in times.items():
        limit = work / rates["bf16" if name.endswith("bf16") else "fp32"]
        cells = [f"{time * 1e3:.1f}", f"{first / time:.1f}", f"{limit / time:.0%}"]
        rows.append([name, *cells])
    print(table(["variant", "ms a picture", "times the first", "of the limit"], rows))


def _run(variant: str) -> float:
    off = {"PPIM_NATIVE": "off"} if variant.endswith("shifts") else {}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.nets", "--variant", variant],
        env={**os.environ, "OMP_NUM_THREADS": "1", **off},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def _measure(variant: str) -> float:
    warnings.simplefilter("ignore")
    images = np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE))
    images = images.astype(np.float32)
    return seconds(_caller(variant, images), budget=4)


def _caller(variant: str, images: np.ndarray) -> Callable[[], object]:
    from benchmarks import plain
    from ppim_port.backends import get_backend

    framework = VARIANTS[variant]
    backend = get_backend(framework)
    config, state = _net(framework)
    model = backend.build(config)
    backend.load(model, state)
    if variant.endswith("unfold"):
        plain.use_unfold(framework)
    if "C++," in variant:
        precision = "bfloat16" if variant.endswith("bf16") else "float32"
        form = backend.fuse(model, config, precision=precision)
        picture = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        return lambda: form.run(picture)
    if framework == "paddle":
        import paddle

        paddle.set_grad_enabled(False)
        tensor = paddle.to_tensor(images)
        return lambda: model(tensor).numpy()
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tensor = torch.from_numpy(images)
    if variant.startswith("inference"):
        from ppim_port.inference.programs import make_program
        from ppim_port.inference.torch_engine import TorchEngine

        run = make_program(TorchEngine(tensor), state, "torch", config)
        last = tensor.permute(0, 2, 3, 1).contiguous()
        return lambda: run(last)
    return lambda: model(tensor)


def _net(framework: str):
    """A rednet26's configuration and seeded weights."""
    from benchmarks.evaluation import seeded_weights
    from ppim_port.models.family import load_family

    return load_family("rednet").configure("26"), seeded_weights(framework)


def flops() -> int:
    """Of all products of a rednet26 on one picture: two for a multiply and add."""
    from ppim_port.inference.programs import make_program

    config, state = _net("torch")
    engine = _Counter()
    make_program(engine, state, "torch", config)(np.empty((1, SIDE, SIDE, 3)))
    return engine.total


class _Counter:
    """An engine that knows shapes alone, and counts."""

    def __init__(self) -> None:
        self.total = 0

    def convolution(self, layer, *, first=False, kernels=False):
        def run(x, residual=None):
            n, h, w, c = x.shape
            out, size = len(layer.weight), layer.kernel_size
            shape = (n, -(-h // layer.stride), -(-w // layer.stride), out)
            self.total += 2 * int(np.prod(shape)) * c * size**2
            return np.empty(shape, bool)

        return run

    def linear(self, layer):
        return self.convolution(layer)

    def involution(self, layer):
        def run(x, kernels):
            shape = (*kernels.shape[:3], x.shape[3])
            self.total += 2 * int(np.prod(shape)) * layer.kernel_size**2
            return np.empty(shape, bool)

        return run

    def each(self, x, call):
        return call(x)

    def shape(self, x):
        return x.shape

    def max_pool(self, x):
        n, h, w, c = x.shape
        return np.empty((n, h // 2, w // 2, c), bool)

    def average_pool(self, x, size):
        n, h, w, c = x.shape
        return np.empty((n, h // size, w // size, c), bool)

    def mean(self, x):
        return np.empty((len(x), 1, 1, x.shape[3]), bool)


if __name__ == "__main__":
    main()
