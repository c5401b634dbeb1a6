"""Look into a live PyTorch net: what each layer gets and gives, and the gradients.

Mirrors `probe_paddle.py`. Nothing here changes a tensor of the net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ppim_port.backends.layers import Call, call_name
from ppim_port.state_dict import Array, StateDict


def trace(net: torch.nn.Module, images: Array) -> dict[str, Call]:
    """See `Backend.trace`."""
    calls: dict[str, Call] = {}
    copies = _Copies()

    def watch(name: str) -> Callable[..., None]:
        def hook(_layer: object, inputs: tuple[Any, ...], output: Any) -> None:
            given = tuple(copies.of(value) for value in inputs)
            calls[call_name(name, calls)] = Call(name, given, copies.of(output))

        return hook

    layers = [(name, layer) for name, layer in net.named_modules() if name]
    hooks = [layer.register_forward_hook(watch(name)) for name, layer in layers]
    try:
        with one_thread(), torch.no_grad():
            net(_tensor(images))
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def run_layer(net: torch.nn.Module, layer: str, inputs: tuple[Array, ...]) -> Array:
    """See `Backend.run_layer`."""
    with one_thread(), torch.no_grad():
        output: torch.Tensor = net.get_submodule(layer)(*map(_tensor, inputs))
    return output.numpy()


def gradients(net: torch.nn.Module, images: Array, weights: Array) -> StateDict:
    """See `Backend.gradients`."""
    picture = _tensor(images).requires_grad_()
    parameters = dict(net.named_parameters())
    wanted = [picture, *parameters.values()]
    with one_thread():
        scalar = (net(picture) * _tensor(weights)).sum()
        found = torch.autograd.grad(scalar, wanted, allow_unused=True)
    names = ("input", *parameters)
    return {
        name: np.zeros(tuple(w.shape)) if g is None else g.numpy(force=True)
        for name, w, g in zip(names, wanted, found, strict=True)
    }


class _Copies:
    """One copy of each value a tensor had; a layer may work in place."""

    def __init__(self) -> None:
        # The tensors too: their memory and so their ids must not be used again.
        self._known: dict[tuple[int, int], tuple[torch.Tensor, Array]] = {}

    def of(self, tensor: torch.Tensor) -> Array:
        key = (id(tensor), tensor._version)
        if key not in self._known:
            self._known[key] = (tensor, np.array(tensor.numpy(force=True)))
        return self._known[key][1]


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside of this an operator runs on one thread."""
    # As in `predict`: a small picture's operators wait for each other's threads; 3 to 7
    # times slower with two (two busy cores, torch 2.13.0).
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tensor(value: Array) -> torch.Tensor:
    return torch.from_numpy(np.array(value))
