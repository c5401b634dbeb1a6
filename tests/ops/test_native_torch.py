"""The C++ involution is a citizen of PyTorch: autograd, export, compile, strides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.ops import native_torch
from tests.support.frameworks import involution_torch, torch
from tests.support.involutions import Case
from tests.support.native import needs_kernels

pytestmark = needs_kernels

CASES = [
    Case(3, 1, 1, 2, 3, 2, 4, 3),
    Case(3, 2, 2, 2, 16, 1, 5, 4),
    Case(7, 2, 1, 1, 16, 2, 4, 5),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def tensors(case: Case, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    return [torch.from_numpy(a).to(dtype).requires_grad_() for a in case.arrays()]


def sizes(case: Case) -> tuple[int, int, int]:
    return case.kernel_size, case.stride, case.dilation


def op(*arguments: Any) -> torch.Tensor:
    return torch.ops.ppim_port.involution(*arguments)


@every_case
def test_gradients_are_those_of_finite_differences(case: Case) -> None:
    assert torch.autograd.gradcheck(
        lambda *pair: op(*pair, *sizes(case)), tensors(case)
    )


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_operator_keeps_pytorchs_rules(case: Case, dtype: torch.dtype) -> None:
    arguments = (*tensors(case, dtype), *sizes(case))
    found = torch.library.opcheck(torch.ops.ppim_port.involution, arguments)
    assert set(found.values()) == {"SUCCESS"}


@every_case
def test_the_backward_operator_keeps_them_too(case: Case) -> None:
    x, weight = (t.detach() for t in tensors(case))
    gradient = torch.ones_like(op(x, weight, *sizes(case)))
    found = torch.library.opcheck(
        torch.ops.ppim_port.involution_backward, (gradient, x, weight, *sizes(case))
    )
    assert set(found.values()) == {"SUCCESS"}


# Largest difference over the largest value: float32 rounding, and bfloat16's of inputs
# that are exact in it; see the bounds under tests/native for each element.
TOLERANCES = {torch.float32: 2e-6, torch.bfloat16: 2**-8}


@every_case
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_values_and_gradients_are_those_of_shifts_in_float64(
    case: Case, dtype: torch.dtype
) -> None:
    rounded = [t.detach().to(dtype) for t in tensors(case)]
    pairs = [
        [t.to(kind).requires_grad_() for t in rounded]
        for kind in (dtype, torch.float64)
    ]
    out = involution_torch.involution(
        *pairs[0],
        kernel_size=case.kernel_size,
        stride=case.stride,
        dilation=case.dilation,
    )
    assert out.dtype == dtype
    exact = involution_torch.involution_by_shifts(*pairs[1], *sizes(case))
    upstream = torch.randn_like(out)
    found = [out, *torch.autograd.grad(out, pairs[0], upstream)]
    expected = [exact, *torch.autograd.grad(exact, pairs[1], upstream.double())]
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        assert (a - b).abs().max() <= TOLERANCES[dtype] * b.abs().max()


def permuted(tensor: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    """The same values, laid out in another order of axes."""
    back = np.argsort(order).tolist()
    return tensor.permute(order).contiguous().permute(back)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (3, 2, 1, 0), (2, 0, 1, 3)])
def test_strides_do_not_change_a_bit(order: tuple[int, ...]) -> None:
    case = CASES[1]
    x, weight = (t.detach() for t in tensors(case, torch.float32))
    expected = op(x, weight, *sizes(case))
    assert torch.equal(op(permuted(x, order), weight, *sizes(case)), expected)
    turned = permuted(weight, (4, 3, 2, 1, 0))
    assert torch.equal(op(x, turned, *sizes(case)), expected)
    wide = torch.stack([x, x], -1)[..., 0]
    assert not wide.is_contiguous()
    assert torch.equal(op(wide, weight, *sizes(case)), expected)


def test_channels_last_tensors_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[1]
    x, weight = (t.detach() for t in tensors(case, torch.float32))
    x = permuted(x, (0, 2, 3, 1))
    weight = permuted(weight, (0, 3, 4, 1, 2))
    seen: list[int] = []

    def spy(library: Any, *buffers: Buffer, threads: int) -> None:
        seen.extend(buffer.pointer for buffer in buffers[:2])

    monkeypatch.setattr(calls, "involution", spy)
    out = native_torch.involution(x, weight, *sizes(case))
    assert seen == [x.data_ptr(), weight.data_ptr()]
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_a_frozen_argument_gets_no_gradient() -> None:
    x, weight = tensors(CASES[0], torch.float32)
    op(x, weight.detach(), *sizes(CASES[0])).sum().backward()
    assert x.grad is not None
    assert weight.grad is None


@pytest.mark.parametrize(
    ("x", "weight", "text"),
    [
        ((1, 4, 3, 3), (1, 2, 9, 3, 2), "The kernels: float32"),
        ((1, 4, 3), (1, 2, 9, 3, 3), r"The input: .* expected \[N, C, H, W\]"),
        (
            (1, 4, 3, 3),
            (1, 2, 9, 3),
            r"The kernels: .* expected \[N, G, K\*K, H', W'\]",
        ),
        ((1, 5, 3, 3), (1, 2, 9, 3, 3), "5 channels in 2 groups"),
    ],
)
def test_what_does_not_fit_is_refused(
    x: tuple[int, ...], weight: tuple[int, ...], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        op(torch.zeros(x), torch.zeros(weight), 3)


def test_dtypes_that_do_not_fit_are_refused() -> None:
    x, weight = torch.zeros(1, 4, 3, 3), torch.zeros(1, 2, 9, 3, 3)
    with pytest.raises(UsageError, match="The kernels: float64"):
        op(x, weight.double(), 3)
    with pytest.raises(UsageError, match="float16, expected float32"):
        op(x.half(), weight.half(), 3)


class Net(torch.nn.Module):
    """The layer between two others."""

    def __init__(self) -> None:
        super().__init__()
        self.before = torch.nn.Conv2d(3, 32, 3)
        self.layer = involution_torch.Involution(32, 7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.before(x)).relu()


def test_the_layer_is_exported_as_one_operator() -> None:
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(2, 3, 18, 18)
    program = torch.export.export(net, (x,))
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count("ppim_port.involution.default") == 1
    with torch.no_grad():
        assert torch.equal(program.module()(x), net(x))


# Measured with torch 2.13.0: at most 2e-7 of the largest value.
COMPILED = 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_layer_is_compiled_without_a_break_and_trained() -> None:
    torch.manual_seed(0)
    net, x = Net(), torch.randn(2, 3, 18, 18, requires_grad=True)
    compiled: Any = torch.compile(net, fullgraph=True)
    weights = list(net.parameters())
    results = []
    for each in (net, compiled):
        out = each(x)
        results.append([out, *torch.autograd.grad(out.square().sum(), [x, *weights])])
    for a, b in zip(*results, strict=True):
        assert (a - b).abs().max() <= COMPILED * b.abs().max()


def test_autocast_takes_the_layer() -> None:
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(1, 3, 18, 18)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = net(x)
        again = involution_torch.Involution(32, 3).eval()(net.before(x).float())
    assert found.dtype == torch.bfloat16
    assert torch.isfinite(again).all()
