"""Look into a live Keras net: what each layer gets and gives, and the gradients.

Arrays of four axes are `[N, C, H, W]` here and `[N, H, W, C]` in Keras. Nothing here
changes a tensor of the net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import numpy as np

from ppim_port.backends.keras_start import keras
from ppim_port.backends.layers import Call, call_name
from ppim_port.backends.walk_keras import Place, own_tensors, walk
from ppim_port.backends.wide_keras import kept
from ppim_port.errors import UsageError
from ppim_port.state_dict import Array, StateDict


def forward(model: Any, images: Array) -> Array:
    """Images `[N, 3, H, W]` to logits `[N, classes]`."""
    with kept(images.dtype), _one_thread():
        return _first(model(_tensor(images), training=False))


def trace(model: Any, images: Array) -> dict[str, Call]:
    """See `Backend.trace`."""
    calls: dict[str, Call] = {}
    with _watched([place for place in walk(model) if place.name], calls):
        forward(model, images)
    return calls


@contextmanager
def _watched(places: list[Place], calls: dict[str, Call]) -> Iterator[None]:
    # Keras has no hooks. The attribute hides the class's method and is taken away.
    def watch(place: Place) -> Callable[..., Any]:
        method = place.layer.call

        def call(*inputs: Any, **options: Any) -> Any:
            given = tuple(map(_first, inputs))
            output = method(*inputs, **options)
            name = call_name(place.name, calls)
            calls[name] = Call(place.name, given, _first(output))
            return output

        return call

    try:
        for place in places:
            object.__setattr__(place.layer, "call", watch(place))
        yield
    finally:
        for place in places:
            vars(place.layer).pop("call", None)


def run_layer(model: Any, layer: str, inputs: tuple[Array, ...]) -> Array:
    """See `Backend.run_layer`."""
    found = {place.name: place.layer for place in walk(model)}[layer]
    with kept(inputs[0].dtype):
        return _first(found(*map(_tensor, inputs)))


def gradients(model: Any, images: Array, weights: Array) -> StateDict:
    """See `Backend.gradients`; on the torch backend, whose tensors know theirs."""
    if keras.backend.backend() != "torch":
        message = (
            "The gradients of a Keras net are compared on its torch backend, not on "
            f"{keras.backend.backend()}: set KERAS_BACKEND=torch. Nothing was compared."
        )
        raise UsageError(message)
    picture = _tensor(images).requires_grad_()
    model.zero_grad()
    with kept(images.dtype):
        logits = model(picture, training=False)
        (logits * _tensor(weights)).sum().backward()
    found = {"input": _first(picture.grad)}
    for place in walk(model):
        variables = place.layer.trainable_variables if own_tensors(place) else []
        for key, variable in zip(own_tensors(place), variables, strict=False):
            found[key] = np.array(variable.value.grad.numpy(force=True))
    model.zero_grad()
    return found


def _one_thread() -> AbstractContextManager[None]:
    """As PyTorch's own nets run, where it is PyTorch that runs."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    # Not before: nobody else's backend needs it.
    from ppim_port.backends.probe_torch import one_thread

    return one_thread()


def _tensor(value: Array) -> Any:
    """A tensor of memory of its own, pictures with the channels last."""
    last = value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
    # Left alone, Keras makes float32 of float64 (3.15.1).
    kept = str(value.dtype)
    return keras.ops.convert_to_tensor(np.array(last, order="C"), dtype=kept)


def _first(value: Any) -> Array:
    found = cast(Array, keras.ops.convert_to_numpy(value))
    return np.array(
        found.transpose(0, 3, 1, 2) if found.ndim == 4 else found, order="C"
    )
