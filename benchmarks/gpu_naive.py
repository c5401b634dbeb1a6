"""What a GPU kernel for the involution looks like without thought for memory.

The algorithm of the CuPy kernel that accompanies the paper's code (d-li14/involution),
written anew: one thread an output element, which walks over its K*K taps and loads a
kernel element and an input element for each; the gradients alike, one thread an
element of theirs. Channels-first, contiguous, sums in float32.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

BLOCK = 1024


@triton.jit
def _output(
    x,
    weight,
    out,
    count,
    c,
    h,
    w,
    oh,
    ow,
    G,
    K: tl.constexpr,
    S,
    D,
    BLOCK: tl.constexpr,
):
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    known = index < count
    z, y = index % ow, index // ow % oh
    channel, n = index // ow // oh % c, index // ow // oh // c
    group = channel // (c // G)
    total = tl.zeros((BLOCK,), tl.float32)
    for tap in range(K * K):
        row = y * S + tap // K * D - D * (K - 1) // 2
        column = z * S + tap % K * D - D * (K - 1) // 2
        there = known & (row >= 0) & (row < h) & (column >= 0) & (column < w)
        a = tl.load(x + ((n * c + channel) * h + row) * w + column, there, 0.0)
        at = (((n * G + group) * K * K + tap) * oh + y) * ow + z
        total += a.to(tl.float32) * tl.load(weight + at, there, 0.0).to(tl.float32)
    tl.store(out + index, total.to(out.dtype.element_ty), known)


@triton.jit
def _input_gradient(
    weight,
    up,
    grad,
    count,
    c,
    h,
    w,
    oh,
    ow,
    G,
    K: tl.constexpr,
    S,
    D,
    BLOCK: tl.constexpr,
):
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    known = index < count
    column, row = index % w, index // w % h
    channel, n = index // w // h % c, index // w // h // c
    group = channel // (c // G)
    total = tl.zeros((BLOCK,), tl.float32)
    for tap in range(K * K):
        from_y = row + D * (K - 1) // 2 - tap // K * D
        from_z = column + D * (K - 1) // 2 - tap % K * D
        y, z = from_y // S, from_z // S
        there = known & (from_y >= 0) & (from_y % S == 0) & (y < oh)
        there = there & (from_z >= 0) & (from_z % S == 0) & (z < ow)
        a = tl.load(up + ((n * c + channel) * oh + y) * ow + z, there, 0.0)
        at = (((n * G + group) * K * K + tap) * oh + y) * ow + z
        total += a.to(tl.float32) * tl.load(weight + at, there, 0.0).to(tl.float32)
    tl.store(grad + index, total.to(grad.dtype.element_ty), known)


@triton.jit
def _weight_gradient(
    x, up, grad, count, c, h, w, oh, ow, G, K: tl.constexpr, S, D, BLOCK: tl.constexpr
):
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    known = index < count
    z, y = index % ow, index // ow % oh
    tap, rest = index // ow // oh % (K * K), index // ow // oh // (K * K)
    group, n = rest % G, rest // G
    row = y * S + tap // K * D - D * (K - 1) // 2
    column = z * S + tap % K * D - D * (K - 1) // 2
    there = known & (row >= 0) & (row < h) & (column >= 0) & (column < w)
    total = tl.zeros((BLOCK,), tl.float32)
    for offset in range(c // G):
        channel = group * (c // G) + offset
        a = tl.load(x + ((n * c + channel) * h + row) * w + column, there, 0.0)
        b = tl.load(up + ((n * c + channel) * oh + y) * ow + z, there, 0.0)
        total += a.to(tl.float32) * b.to(tl.float32)
    tl.store(grad + index, total.to(grad.dtype.element_ty), known)


class Naive(torch.autograd.Function):
    """`Naive.apply(x, weight, kernel_size, stride, dilation)`."""

    @staticmethod
    def forward(ctx: Any, x, weight, kernel_size, stride, dilation):
        x, weight = x.contiguous(), weight.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.settings = (kernel_size, stride, dilation)
        out = x.new_empty((*x.shape[:2], *weight.shape[3:]))
        return _run(_output, (x, weight, out), x, weight, ctx.settings)

    @staticmethod
    def backward(ctx: Any, up):
        x, weight = ctx.saved_tensors
        up = up.contiguous()
        of_x, of_weight = torch.empty_like(x), torch.empty_like(weight)
        _run(_input_gradient, (weight, up, of_x), x, weight, ctx.settings)
        _run(_weight_gradient, (x, up, of_weight), x, weight, ctx.settings)
        return of_x, of_weight, None, None, None


def _run(kernel, tensors, x, weight, settings):
    count = tensors[-1].numel()
    sides = (*x.shape[1:], *weight.shape[3:], weight.shape[1])
    kernel[(triton.cdiv(count, BLOCK),)](*tensors, count, *sides, *settings, BLOCK)
    return tensors[-1]
