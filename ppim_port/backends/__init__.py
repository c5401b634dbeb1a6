"""The one narrow interface to a framework: numpy goes in, numpy comes out.

Nothing else of ours talks to torch, Paddle or Keras, so that everything else can be
tested with a fake of a few lines, and each framework can have a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from ppim_port.backends.layers import Call, Layers
from ppim_port.errors import MissingPackageError, UnknownNameError
from ppim_port.models.family import Config
from ppim_port.models.features import FeatureOptions
from ppim_port.state_dict import KNOWN_FRAMEWORKS, Array, FrameworkName, StateDict

if TYPE_CHECKING:
    # Only there: the pairs build on the backends.
    from ppim_port.pairs.records import Setting

Precision: TypeAlias = Literal["float32", "float64"]
# What the inference form computes in.
Reduced: TypeAlias = Literal["float32", "bfloat16"]

_PACKAGES = {"torch": "torch", "paddle": "paddlepaddle", "keras": "keras"}


class Backend(Protocol):
    """What is asked of a framework."""

    name: FrameworkName

    def version(self) -> str:
        """The framework's version."""

    def pin(self) -> dict[str, bool | int | str]:
        """Turn off what trades exactness for speed, and say how the switches stand."""

    def build(self, config: Config, *, precision: Precision = "float32") -> Any:
        """A net in evaluation mode, opaque to callers."""

    def build_features(
        self,
        config: Config,
        options: FeatureOptions,
        *,
        precision: Precision = "float32",
    ) -> Any:
        """The same without its classifier: images to a tuple of feature maps."""

    def fuse(
        self, model: Any, config: Config, *, precision: Reduced = "float32"
    ) -> Any:
        """The inference form of a loaded net, for `predict` alone.

        Its batch norms are folded and our C++ kernels run it (see
        `ppim_port.inference`); a net that has no such form here is given back itself.

        Args:
            model: a float32 net of this framework, loaded.
            config: of the net.
            precision: of its activations and weights.

        Raises:
            UsageError: bfloat16 was asked for, and there is no inference form.
        """

    def load(self, model: Any, state: StateDict) -> None:
        """Put a state dict into a net; all of it, or an error and no change.

        Raises:
            MappingError: every key, shape and dtype that does not fit.
        """

    def state(self, model: Any) -> StateDict:
        """The tensors that the net really holds, read back out of it."""

    def predict(self, model: Any, images: Array) -> Array:
        """Images `[N, 3, H, W]` to logits `[N, classes]`, in the net's precision."""

    def describe(self, model: Any) -> Layers:
        """How each layer of a live net is set, by its dotted name."""

    def trace(self, model: Any, images: Array) -> dict[str, Call]:
        """Every use of every layer, containers too, in the order that they finish.

        Args:
            model: a net of this framework.
            images: `[N, 3, H, W]`, in the net's precision.

        Returns:
            The layer's dotted name -> the use; a second use is "name (use 2)".
        """

    def run_layer(self, model: Any, layer: str, inputs: tuple[Array, ...]) -> Array:
        """One layer alone: what it makes of these inputs."""

    def gradients(self, model: Any, images: Array, weights: Array) -> StateDict:
        """Gradients of `(logits * weights).sum()`.

        Args:
            model: a net of this framework.
            images: `[N, 3, H, W]`, in the net's precision.
            weights: `[N, classes]`, in the net's precision.

        Returns:
            One for each parameter under its key, and one for the images as "input".
        """

    def alter(
        self, model: Any, layer: str, setting: str, value: Setting
    ) -> Callable[[], None]:
        """Set a layer of a live net wrongly, to test those who should notice.

        Returns:
            What puts the old setting back.
        """


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
    if name not in KNOWN_FRAMEWORKS:
        raise UnknownNameError(name, KNOWN_FRAMEWORKS, kind="framework")
    if find_spec(name) is None:
        raise MissingPackageError(_PACKAGES[name], name)
