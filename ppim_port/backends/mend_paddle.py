"""Apply the declared mends to a live Paddle net.

A layer that does not have the value that the table says it has is refused: the net is
another one than the one that was measured, and must be compared anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ppim_port.backends.paddle import paddle
from ppim_port.errors import MappingError
from ppim_port.pairs.compare import ABSENT
from ppim_port.pairs.mends import Mend
from ppim_port.pairs.records import Setting


class Hardsigmoid(paddle.nn.Layer):
    """`relu6(x + 3) / 6`: Paddle's own has 0.1666667 in float32 for 1/6."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Of any shape and floating dtype, unchanged by it."""
        return paddle.nn.functional.relu6(x + 3.0) / 6.0


@dataclass(frozen=True, slots=True)
class _Place:
    """A layer, and where its parent keeps it."""

    parent: paddle.nn.Layer
    name: str
    layer: Any

    def put(self, layer: paddle.nn.Layer) -> None:
        self.parent._sub_layers[self.name] = layer


def mend(net: paddle.nn.Layer, mends: Iterable[Mend]) -> None:
    """Change a net as a table says.

    Raises:
        MappingError: a layer that is not there, or has not the stock value.
    """
    for one in mends:
        read, write = PARAMETERS[one.parameter]
        places = [p for p in _places(net, one.layers) if read(p.layer) is not None]
        for place in places:
            found = read(place.layer)
            if found != one.stock:
                raise _another(one, f"has {one.parameter} {found}")
            write(place, one.mended)
        if not places:
            raise _another(one, "is not there")


def _another(one: Mend, what: str) -> MappingError:
    return MappingError(
        f"Cannot mend {one}: in Paddle {paddle.version.full_version} that layer "
        f"{what}. Nothing was written; this net is not the one that the mend was "
        "made for."
    )


def _places(net: paddle.nn.Layer, pattern: str) -> list[_Place]:
    found = []
    for path, layer in net.named_sublayers():
        if fnmatchcase(path, pattern):
            parent, _, name = path.rpartition(".")
            found.append(_Place(_at(net, parent), name, layer))
    return found


def _at(net: paddle.nn.Layer, path: str) -> paddle.nn.Layer:
    for name in filter(None, path.split(".")):
        net = net._sub_layers[name]
    return net


def _padding(place: _Place, value: Setting) -> None:
    assert isinstance(value, tuple)
    place.layer._padding = list(value)
    place.layer._updated_padding = list(value)


def _read_padding(layer: Any) -> Setting | None:
    padding = getattr(layer, "_updated_padding", None)
    return None if padding is None else tuple(padding)


def _attribute(name: str) -> tuple[Callable[[Any], Any], Callable[[_Place, Any], None]]:
    return (
        lambda layer: getattr(layer, name, None),
        lambda place, value: setattr(place.layer, name, value),
    )


def _slope(layer: Any) -> Setting | None:
    return MADE_SLOPE if type(layer) is paddle.nn.Hardsigmoid else None


# float32 of the 0.1666667 that paddle.nn.functional.hardsigmoid has for a default.
MADE_SLOPE = 0.16666670143604279


def _pooled(place: _Place, value: Setting) -> None:
    place.put(paddle.nn.Sequential(place.layer, paddle.nn.AdaptiveAvgPool2D((6, 6))))


PARAMETERS: dict[str, tuple[Callable[[Any], Any], Callable[[_Place, Any], None]]] = {
    "padding": (_read_padding, _padding),
    "ceil_mode": _attribute("ceil_mode"),
    "mode": _attribute("mode"),
    "p": _attribute("p"),
    "eps": _attribute("_epsilon"),
    "slope": (_slope, lambda place, value: place.put(Hardsigmoid())),
    "adaptive_avg_pool": (lambda layer: ABSENT, _pooled),
}
