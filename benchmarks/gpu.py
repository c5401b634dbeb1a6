"""The involution's GPU kernels against other forms and against the memory's limit.

    python -m benchmarks.gpu [--batch 64] [--dtypes float32 bfloat16] [--formats ...]
    python -m benchmarks.gpu --arithmetic        bytes that must move; needs no GPU
    python -m benchmarks.gpu --code              instructions to issue; needs no GPU

One run on one card: RedNet-26's shapes, forward and forward + backward, medians with
a cold second-level cache. A form is checked against ours in float64 before it is timed.
The limit is the bytes that must move at the bandwidth of a large copy in the same run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import gpu_traffic
from benchmarks.gpu_traffic import REDNET26, Shape
from ppim_port.table import table

DTYPES = {"float32": 4, "bfloat16": 2, "float16": 2}
FORMATS = ("channels_first", "channels_last")
# Of the largest value; a wrong tap is off by more than 1e-2.
TOLERANCES = {"float32": 1e-5, "bfloat16": 2e-2, "float16": 5e-3}
COPIED = 2**30
DEVICE = "cuda"
HEADER = ["shape", "form", "fwd ms", "of limit", "fwd+bwd ms", "of limit"]


def main() -> None:
    options = _options()
    if options.arithmetic:
        for name, size in (("float32", 4), ("16 bits", 2)):
            print(f"\nbatch {options.batch}, {name}")
            print(table(gpu_traffic.HEADER, gpu_traffic.rows(options.batch, size)))
        return
    if options.code:
        _print_code(options)
        return
    _require_a_gpu()
    bandwidth = _bandwidth()
    print(f"{_card()}; a copy moves {bandwidth / 1e9:.0f} GB/s")
    for dtype in options.dtypes:
        for memory_format in options.formats:
            print(f"\nbatch {options.batch}, {dtype}, {memory_format}")
            rows = _rows(options.batch, dtype, memory_format, bandwidth)
            print(table(HEADER, list(rows)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument(
        "--dtypes", nargs="+", choices=DTYPES, default=["float32", "bfloat16"]
    )
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--arithmetic", action="store_true")
    parser.add_argument("--code", action="store_true")
    return parser.parse_args()


def _print_code(options: argparse.Namespace) -> None:
    from benchmarks import gpu_code

    for dtype in options.dtypes:
        for memory_format in options.formats:
            print(f"\nbatch {options.batch}, {dtype}, {memory_format}")
            rows = gpu_code.rows(dtype, memory_format, options.batch)
            print(table(gpu_code.HEADER, list(rows)))


def _require_a_gpu() -> None:
    try:
        import torch
        import triton  # noqa: F401  # only whether it is there
    except ImportError as error:
        sys.exit(f"{error.name} is not installed: pip install 'ppim-port[torch,gpu]'")
    if not torch.cuda.is_available():
        sys.exit("no GPU: PyTorch sees none here, and nothing was measured.")


def _card() -> str:
    import torch
    import triton

    name = torch.cuda.get_device_name()
    return f"{name}; torch {torch.__version__}, triton {triton.__version__}"


def _milliseconds(work: Callable[[], Any]) -> float:
    from triton.testing import do_bench

    # It empties the second-level cache before each of its runs.
    found: float = do_bench(work, return_mode="median")
    return found


def _bandwidth() -> float:
    """Bytes a second that a large copy moves, reads and writes together."""
    import torch

    source = torch.zeros(COPIED, dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * COPIED / (_milliseconds(lambda: target.copy_(source)) / 1e3)


def _rows(
    batch: int, dtype: str, memory_format: str, bandwidth: float
) -> Iterator[list[str]]:
    from benchmarks.gpu_forms import FORMS

    per_ms = bandwidth / 1e3 / DTYPES[dtype]
    for shape in REDNET26:
        inputs = _inputs(shape, batch, dtype, memory_format)
        ahead = gpu_traffic.forward(shape, batch) / per_ms
        both = ahead + gpu_traffic.backward(shape, batch) / per_ms
        for name, form in FORMS.items():
            times = _measured(form(), shape, inputs, TOLERANCES[dtype])
            cells = ["-", "-", times, "-"]
            if not isinstance(times, str):
                cells = [f"{times[0]:.3f}", f"{ahead / times[0]:.0%}"]
                cells += [f"{times[1]:.3f}", f"{both / times[1]:.0%}"]
            yield [shape.name if name == "ours" else "", name, *cells]
        yield from _fused(shape, batch, inputs, per_ms)


def _inputs(shape: Shape, batch: int, dtype: str, memory_format: str) -> Any:
    """Input, kernels (as a convolution leaves them) and upstream gradient."""
    import torch

    torch.manual_seed(0)
    last = memory_format == "channels_last"
    kept = torch.channels_last if last else torch.contiguous_format
    rows = shape.groups * shape.kernel_size**2
    sides = [(shape.channels, shape.side), (rows, shape.out_side)]
    sides.append((shape.channels, shape.out_side))
    x, weight, upstream = (
        torch.randn((batch, c, side, side), device=DEVICE)
        .to(getattr(torch, dtype))
        .contiguous(memory_format=kept)
        for c, side in sides
    )
    weight = weight.unflatten(1, (shape.groups, -1))
    return x.requires_grad_(), weight.detach().requires_grad_(), upstream


def _measured(
    form: Any, shape: Shape, inputs: Any, tolerance: float
) -> tuple[float, float] | str:
    import torch

    x, weight, upstream = inputs

    def ahead() -> Any:
        return form(x, weight, shape.kernel_size, shape.stride)

    def both() -> Any:
        return torch.autograd.grad(ahead(), (x, weight), upstream)

    try:
        wrong = _difference(form, shape, inputs)
        if wrong > tolerance:
            return f"wrong by {wrong:.1e}"
        with torch.no_grad():
            first = _milliseconds(ahead)
        return first, _milliseconds(both)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return "out of memory"


def _difference(form: Any, shape: Shape, inputs: Any) -> float:
    """Of output and gradients on two pictures, against shifts in float64."""
    import torch

    from benchmarks.gpu_forms import shift

    def results(some: Any, *tensors: Any) -> Any:
        x, weight = (tensor.detach().requires_grad_() for tensor in tensors[:2])
        out = some(x, weight, shape.kernel_size, shape.stride)
        return out, *torch.autograd.grad(out, (x, weight), tensors[2])

    few = [tensor[:2] for tensor in inputs]
    pairs = zip(
        results(form, *few), results(shift, *(t.double() for t in few)), strict=True
    )
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def _fused(shape: Shape, batch: int, inputs: Any, per_ms: float) -> Iterator[list[str]]:
    """Rows of the inference forms: with batch norm and ReLU, and from features."""
    from benchmarks.gpu_fused import steps

    for name, elements, work in steps(shape, batch, inputs):
        time = _milliseconds(work)
        share = f"{elements / per_ms / time:.0%}"
        yield ["", name, f"{time:.3f}", share, "-", "-"]


if __name__ == "__main__":
    main()
