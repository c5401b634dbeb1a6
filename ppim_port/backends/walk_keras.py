"""Every layer of a live Keras net: its dotted name here, and its group in a file.

Keras names a layer's group after its attribute or, among a model's layers, after its
class and its place among those of that class: the layers' own names are often made up
and would differ from run to run. Restated here, because Keras keeps its own walk to
itself; a test holds this one against the files that Keras writes. No framework is
imported: layers are told by what they have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ppim_port.state_dict import StateDict


@dataclass(frozen=True, slots=True)
class Place:
    """A layer and where it is.

    Attributes:
        name: dotted, as in our nets of the other frameworks; empty for the net itself.
        group: in a weights file, e.g. "layers/dense_1"; empty for the net itself.
        layer: the layer.
    """

    name: str
    group: str
    layer: Any


def walk(model: Any) -> Iterator[Place]:
    """The net and all layers in it, each once, containers before their parts."""
    yield from _walk(Place("", "", model), set())


def _walk(place: Place, seen: set[int]) -> Iterator[Place]:
    if id(place.layer) in seen:
        return
    seen.add(id(place.layer))
    yield place
    for part in _parts(place):
        yield from _walk(part, seen)


def _parts(place: Place) -> Iterator[Place]:
    layers = getattr(place.layer, "layers", None)
    if isinstance(layers, list):
        counts: Counter[str] = Counter()
        # A Sequential's layers are known by their numbers, as in PyTorch.
        numbered = type(place.layer).__name__ == "Sequential"
        for index, layer in enumerate(layers):
            called = snake_case(type(layer).__name__)
            suffix = f"_{counts[called]}" if counts[called] else ""
            counts[called] += 1
            name = str(index) if numbered else layer.name
            group = _joined(place.group, f"layers/{called}{suffix}")
            yield Place(_joined(place.name, name, "."), group, layer)
        return
    # On the torch backend a layer is a module, which keeps its parts by themselves.
    held = vars(place.layer) | vars(place.layer).get("_modules", {})
    for attribute, value in sorted(held.items()):
        if not attribute.startswith("_") and hasattr(value, "save_own_variables"):
            name = _joined(place.name, attribute, ".")
            yield Place(name, _joined(place.group, attribute), value)


def snake_case(class_name: str) -> str:
    """A class's name as Keras writes it in a path: Conv2D is conv2d."""
    parted = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", parted).lower()


def _joined(first: str, second: str, sign: str = "/") -> str:
    return f"{first}{sign}{second}" if first else second


def own_tensors(place: Place) -> StateDict:
    """A layer's own tensors under their keys, by the method that Keras saves with."""
    store: StateDict = {}
    place.layer.save_own_variables(store)
    return {f"{place.group}/vars/{number}": value for number, value in store.items()}
