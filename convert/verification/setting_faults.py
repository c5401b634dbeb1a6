"""Faults of the live net: right tensors under a wrong hyper-parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convert.verification.faults import Fault, Planter, Random, World, one_of
from ppim_port.pairs.records import Setting


def _setting(
    kinds: tuple[str, ...], setting: str, wrong: Callable[[Setting], Setting]
) -> Planter:
    """One hyper-parameter of one layer of some kinds."""

    def plant(rng: Random, world: World) -> Fault:
        layers = [
            n for n in world.of_kind(*kinds) if setting in world.layers[n].settings
        ]
        name = one_of(rng, layers)
        right = world.layers[name].settings[setting]
        value = wrong(right)
        text = f"{setting} of {name} is {value}, not {right}"
        return Fault(text, setting=(name, setting, value))

    return plant


def _more(value: Setting) -> Setting:
    """One more in each direction."""
    if isinstance(value, tuple):
        return tuple(number + 1 for number in value)
    assert isinstance(value, int)
    return value + 1


def _opposite(value: Setting) -> Setting:
    assert isinstance(value, float)
    return round(1 - value, 12)


def _a_little_more(value: Setting) -> Setting:
    assert isinstance(value, float)
    return 1.1 * value


def other_epsilon(value: Setting) -> Setting:
    """The one that other families have: both are usual, so each is mistaken for it."""
    return 1e-5 if value == 1e-3 else 1e-3


def _smaller_kernel(value: Setting) -> Setting:
    assert isinstance(value, int)
    return value - 2


KINDS: Mapping[str, Planter] = {
    "net: epsilon 10 % too large": _setting(("batch_norm",), "eps", _a_little_more),
    "net: epsilon of another family": _setting(("batch_norm",), "eps", other_epsilon),
    "net: momentum not converted": _setting(("batch_norm",), "momentum", _opposite),
    "net: one batch norm still training": _setting(
        ("batch_norm",), "training", lambda v: True
    ),
    "net: padding off by one": _setting(("conv", "max_pool"), "padding", _more),
    "net: stride off by one": _setting(("conv", "involution"), "stride", _more),
    "net: dilation off by one": _setting(("conv",), "dilation", _more),
    "net: pooling rounds up": _setting(
        ("max_pool", "avg_pool"), "ceil_mode", lambda v: True
    ),
    "net: pooling kernel off by one": _setting(
        ("max_pool", "avg_pool"), "kernel", _more
    ),
    "net: involution kernel too small": _setting(
        ("involution",), "kernel", _smaller_kernel
    ),
}
