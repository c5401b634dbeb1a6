"""Look into a live Paddle net: what each layer gets and gives, and the gradients.

Mirrors `probe_torch.py`. Nothing here changes a tensor of the net.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import paddle

from ppim_port.backends.layers import Call, call_name
from ppim_port.state_dict import Array, StateDict


def trace(net: paddle.nn.Layer, images: Array) -> dict[str, Call]:
    """See `Backend.trace`."""
    calls: dict[str, Call] = {}
    copies = _Copies()

    # Any: Paddle's stubs do not know that a hook may give nothing back.
    def watch(name: str) -> Any:
        def hook(_layer: object, inputs: tuple[Any, ...], output: Any) -> None:
            given = tuple(copies.of(value) for value in inputs)
            calls[call_name(name, calls)] = Call(name, given, copies.of(output))

        return hook

    layers = net.named_sublayers()
    hooks = [layer.register_forward_post_hook(watch(name)) for name, layer in layers]
    try:
        with paddle.no_grad():
            net(paddle.to_tensor(images))
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def run_layer(net: paddle.nn.Layer, layer: str, inputs: tuple[Array, ...]) -> Array:
    """See `Backend.run_layer`."""
    layers = dict(net.named_sublayers())
    with paddle.no_grad():
        output = layers[layer](*map(paddle.to_tensor, inputs))
    return cast(Array, output.numpy())


def gradients(net: paddle.nn.Layer, images: Array, weights: Array) -> StateDict:
    """See `Backend.gradients`."""
    picture = paddle.to_tensor(images, stop_gradient=False)
    # Running statistics are Parameters too, which no gradient reaches.
    parameters = {
        name: value for name, value in net.named_parameters() if not value.stop_gradient
    }
    scalar = (net(picture) * paddle.to_tensor(weights)).sum()
    wanted = [picture, *parameters.values()]
    found = paddle.grad(scalar, wanted, allow_unused=True)
    names = ("input", *parameters)
    return {
        name: np.zeros(tuple(w.shape)) if g is None else g.numpy()
        for name, w, g in zip(names, wanted, found, strict=True)
    }


class _Copies:
    """One copy of each value a tensor had; a layer may work in place."""

    def __init__(self) -> None:
        # The tensors too: their memory and so their ids must not be used again.
        self._known: dict[tuple[int, int], tuple[paddle.Tensor, Array]] = {}

    def of(self, tensor: paddle.Tensor) -> Array:
        key = (id(tensor), tensor.inplace_version)
        if key not in self._known:
            self._known[key] = (tensor, np.array(tensor.numpy()))
        return self._known[key][1]
