"""Which families have an inference form, and how to make one of a live net's state."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from ppim_port.errors import UsageError
from ppim_port.inference.layers import Engine, Folder
from ppim_port.models.family import Config
from ppim_port.state_dict import FrameworkName, StateDict

T = TypeVar("T")


def has_program(config: Config) -> bool:
    """Whether the family of a net has an inference form."""
    return find_spec(_module(config)) is not None


def make_program(
    engine: Engine[T], state: StateDict, framework: FrameworkName, config: Config
) -> Callable[[T], T]:
    """The inference form of a net, to be called with pictures `[N, H, W, 3]`.

    Args:
        engine: runs the layers.
        state: of a live net.
        framework: whose names and layouts they are.
        config: of the net.

    Raises:
        UsageError: the family has none.
    """
    if not has_program(config):
        msg = f"The family {config.family} has no inference form; run the plain net."
        raise UsageError(msg)
    build: Any = import_module(_module(config)).build
    program: Callable[[T], T] = build(engine, Folder(state, framework), config)
    return program


def _module(config: Config) -> str:
    return f"ppim_port.models.{config.family}.inference"
