"""Involution alone, by shape: what people use, our forms, and both frameworks.

    python -m benchmarks.operators [--backward]

One thread, the plain pipeline's batch, in the layout that each form takes; medians of
one run.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.limits import seconds
from benchmarks.measure import machine
from benchmarks.plain import BATCH, unfold_paddle, unfold_torch
from ppim_port.table import table

# Channels, side of the input, stride, kernel: every involution of a RedNet.
SHAPES = [
    (32, 112, 1, 3),
    (64, 56, 1, 7),
    (128, 56, 2, 7),
    (128, 28, 1, 7),
    (256, 28, 2, 7),
    (256, 14, 1, 7),
    (512, 14, 2, 7),
    (512, 7, 1, 7),
]
GROUP = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backward", action="store_true")
    backward = parser.parse_args().backward
    print(machine())
    what = "forward and backward" if backward else "forward"
    print(f"involution, {what}, milliseconds a picture, one thread, batch {BATCH}\n")
    measure = _backward if backward else _forward
    rows, names = [], []
    for shape in SHAPES:
        times = measure(*shape)
        names = list(times)
        channels, side, stride, kernel = shape
        label = f"{channels} x {side} x {side}, stride {stride}, {kernel} x {kernel}"
        ratio = min(times[n] for n in names if "unfold" in n) / times["C++ fp32"]
        cells = [f"{times[name] / BATCH * 1e3:.3f}" for name in names]
        rows.append([label, *cells, f"{ratio:.0f}"])
    print(table(["shape", *names, "unfold / C++"], rows))


def _arrays(channels: int, side: int, stride: int, kernel: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    out = -(-side // stride)
    x = rng.standard_normal((BATCH, channels, side, side)).astype(np.float32)
    shape = (BATCH, channels // GROUP, kernel**2, out, out)
    return [x, rng.standard_normal(shape).astype(np.float32)]


def _forward(channels: int, side: int, stride: int, kernel: int) -> dict[str, float]:
    import torch

    from ppim_port.ops import involution_torch, native_torch

    torch.set_num_threads(1)
    arrays = _arrays(channels, side, stride, kernel)
    x, weight = (torch.from_numpy(a) for a in arrays)
    last = _last(x), weight.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)
    low = tuple(t.bfloat16() for t in last)
    sizes = {"kernel_size": kernel, "stride": stride}
    with torch.inference_mode():
        found = {
            "torch unfold": seconds(lambda: unfold_torch(x, weight, **sizes)),
            "torch shifts": seconds(
                lambda: involution_torch.involution_by_shifts(*last, kernel, stride, 1)
            ),
            "C++ fp32": seconds(lambda: native_torch.involution(*last, kernel, stride)),
            "C++ bf16": seconds(lambda: native_torch.involution(*low, kernel, stride)),
        }
    return {**_paddle(arrays, sizes), **found}


def _paddle(arrays: list[np.ndarray], sizes: dict[str, int]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import paddle
    tensors = [paddle.to_tensor(a) for a in arrays]
    with paddle.no_grad():
        return {"Paddle unfold": seconds(lambda: unfold_paddle(*tensors, **sizes))}


def _backward(channels: int, side: int, stride: int, kernel: int) -> dict[str, float]:
    import torch

    from ppim_port.ops import involution_torch, native_torch

    torch.set_num_threads(1)
    arrays = _arrays(channels, side, stride, kernel)
    x, weight = (torch.from_numpy(a).requires_grad_() for a in arrays)

    def timed(op: Callable[[], torch.Tensor]) -> float:
        ones = torch.ones_like(op())
        return seconds(lambda: torch.autograd.grad(op(), (x, weight), ones))

    sizes = {"kernel_size": kernel, "stride": stride}
    return {
        "torch unfold": timed(lambda: unfold_torch(x, weight, **sizes)),
        "torch shifts": timed(
            lambda: involution_torch.involution_by_shifts(x, weight, kernel, stride, 1)
        ),
        "C++ fp32": timed(lambda: native_torch.involution(x, weight, kernel, stride)),
    }


def _last(x):
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


if __name__ == "__main__":
    main()
