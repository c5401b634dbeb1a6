"""The one narrow interface to a framework: numpy goes in, numpy comes out.

Nothing else of ours talks to torch or Paddle, so that everything else can be tested
with a fake of a few lines, and each framework can have a process of its own.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Protocol, TypeAlias, cast

from ppim_port.errors import MissingPackageError, UnknownNameError
from ppim_port.models.family import Config
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName, StateDict

Precision: TypeAlias = Literal["float32", "float64"]

_PACKAGES = {"torch": "torch", "paddle": "paddlepaddle"}


class Backend(Protocol):
    """What is asked of a framework."""

    name: FrameworkName

    def version(self) -> str:
        """The framework's version."""

    def build(self, config: Config, *, precision: Precision = "float32") -> Any:
        """A net in evaluation mode, opaque to callers."""

    def load(self, model: Any, state: StateDict) -> None:
        """Put a state dict into a net; all of it, or an error and no change.

        Raises:
            MappingError: every key, shape and dtype that does not fit.
        """

    def state(self, model: Any) -> StateDict:
        """The tensors that the net really holds, read back out of it."""

    def predict(self, model: Any, images: Array) -> Array:
        """Images `[N, 3, H, W]` to logits `[N, classes]`, in the net's precision."""


def get_backend(name: FrameworkName) -> Backend:
    """The adapter of a framework; imports it.

    Raises:
        UnknownNameError: we have no adapter for it.
        MissingPackageError: the framework is not installed.
    """
    require(name)
    module = import_module(f"ppim_port.backends.{name}")
    return cast(Backend, module.BACKEND)


def require(name: FrameworkName) -> None:
    """Make sure that a framework is installed, without importing it.

    Raises:
        UnknownNameError: we have no adapter for it.
        MissingPackageError: it is not; the text holds the command that adds it.
    """
    if name not in FRAMEWORKS:
        raise UnknownNameError(name, FRAMEWORKS, kind="framework")
    if find_spec(name) is None:
        raise MissingPackageError(_PACKAGES[name], name)
