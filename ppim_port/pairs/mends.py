"""What we may change in Paddle's nets so that they do what torchvision's do.

A closed table of settings, each with the value that Paddle 3.3.1 has and the one that
torchvision 0.28.0 has. Nothing is mended unless it was asked for by name, and nothing
outside of this table ever: a mend changes the net that the weights are for, so it must
be known to whoever uses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ppim_port.pairs.compare import ABSENT, Difference
from ppim_port.pairs.records import Setting


@dataclass(frozen=True, slots=True)
class Mend:
    """One setting of one layer, or of all layers that a pattern names.

    Attributes:
        layers: dotted name of Paddle's layer; `*` stands for any part of it.
        parameter: the setting, as differences name it.
        stock: its value in Paddle's net as it is.
        mended: its value in torchvision's net.
    """

    layers: str
    parameter: str
    stock: Setting
    mended: Setting

    def __str__(self) -> str:
        return f"{self.layers}: {self.parameter} {self.stock} -> {self.mended}"

    def covers(self, difference: Difference, *, paddle_is_source: bool) -> bool:
        """Whether a difference between the two nets is what this mend removes."""
        values = (difference.target, difference.source)
        own, other = reversed(values) if paddle_is_source else values
        wanted = (self.parameter, self.stock, self.mended)
        return (difference.parameter, own, other) == wanted


def _dropout(layers: str) -> Mend:
    return Mend(layers, "mode", "downscale_in_infer", "upscale_in_train")


# Paddle's hard sigmoid has 0.1666667 for 1/6, and keeps it in float32.
_SLOPE: Final = Mend(
    "blocks.*.mid_se.scale_activation", "slope", 0.16666670143604279, 1 / 6
)
_SQUEEZE: Final = (Mend("_pool", "ceil_mode", False, True), _dropout("_drop"))

MENDS: Mapping[str, tuple[Mend, ...]] = MappingProxyType(
    {
        "alexnet": (
            # Paddle's net goes without, so that it takes pictures of one size only.
            Mend("_conv5._pool", "adaptive_avg_pool", ABSENT, "there (size 6x6)"),
            _dropout("_drop1"),
            _dropout("_drop2"),
        ),
        "inception_v3": (
            Mend("inception_*", "eps", 1e-05, 0.001),
            _dropout("dropout"),
            Mend("dropout", "p", 0.2, 0.5),
        ),
        "mobilenet_v3_large": (_SLOPE,),
        "mobilenet_v3_small": (_SLOPE,),
        "squeezenet1_0": _SQUEEZE,
        "squeezenet1_1": (Mend("_conv", "padding", (1, 1), (0, 0)), *_SQUEEZE),
    }
)


def unmended(
    differences: Iterable[Difference],
    mends: Iterable[Mend],
    *,
    paddle_is_source: bool,
) -> tuple[Difference, ...]:
    """The differences that would be left if Paddle's net were mended.

    Args:
        differences: between a net of Paddle's and one of torchvision's.
        mends: to Paddle's.
        paddle_is_source: whether Paddle's net is the source of the comparison.
    """
    table = tuple(mends)
    return tuple(
        difference
        for difference in differences
        if not any(
            mend.covers(difference, paddle_is_source=paddle_is_source) for mend in table
        )
    )
