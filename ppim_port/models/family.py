"""What a model family tells the rest: its layers, its names, its input sizes.

Nothing here or in a `family.py` imports a framework: a conversion needs only names
and shapes, and the nets' own files are checked against them by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast

from ppim_port.errors import UnknownNameError, UsageError
from ppim_port.state_dict import KNOWN_FRAMEWORKS, FrameworkName

Shape: TypeAlias = tuple[int, ...]
LayerKind: TypeAlias = Literal[
    "conv", "batch_norm", "linear", "conv_aws", "saconv", "switch", "context"
]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that owns tensors.

    Attributes:
        name: dotted name in the net, the same in both frameworks.
        kind: decides names and layouts of its tensors in each framework; a layout
            is declared here and never guessed from a shape.
        shape: of its weight as PyTorch lays it out: `[out, in / groups, kh, kw]`,
            `[channels]`, `[out, in]`.
        bias: whether it has a bias (a batch norm always has).
        keras: its group in a Keras weights file, e.g. "layers/conv2d_1"; empty in a
            family that has no Keras net.
    """

    name: str
    kind: LayerKind
    shape: Shape
    bias: bool = False
    keras: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How one publisher writes our layer names: longest matching prefix is replaced.

    Attributes:
        name: for messages, e.g. "official".
        prefixes: our prefix -> the publisher's, e.g. `{"": "backbone."}`.
    """

    name: str
    prefixes: Mapping[str, str]

    def publish(self, key: str) -> str:
        """The publisher's spelling of our key."""
        ours = max((p for p in self.prefixes if key.startswith(p)), key=len)
        return self.prefixes[ours] + key.removeprefix(ours)


class Config(Protocol):
    """Everything that decides a net's layers; each family has its own record."""

    @property
    def family(self) -> str:
        """Folder name under `ppim_port/models`."""

    @property
    def num_classes(self) -> int:
        """Outputs of the classifier."""


class Family(Protocol):
    """The face of a `family.py`, which is its module-level `FAMILY`."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Every published variant, e.g. "50", the smallest first."""

    @property
    def namings(self) -> tuple[Naming, ...]:
        """Every known spelling of the keys, our own among them."""

    @property
    def classifier(self) -> tuple[str, ...]:
        """The layers that another number of classes replaces, e.g. "fc"."""

    def configure(self, variant: str, *, num_classes: int = 1000) -> Config:
        """The configuration of a published variant.

        Raises:
            UnknownNameError: no such variant.
        """

    def infer(self, variant: str, shapes: Mapping[str, Shape]) -> Config:
        """The configuration that a checkpoint's own tensors ask for.

        Args:
            variant: the published variant.
            shapes: our keys -> shapes in PyTorch's layout, of what was recognised.

        Raises:
            MappingError: a shape that no known configuration has.
        """

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """All layers that own tensors, in the order of the nets' state dicts."""

    def check_input_size(self, height: int, width: int) -> None:
        """Accept a size or raise.

        Raises:
            InputSizeError: a size that the published net cannot take.
        """


def picture_size(config: Config, usual: int) -> int:
    """Pixels of a side to run a net at: its own if its configuration has one.

    Args:
        config: of the net; one for small pictures has an `image_size`.
        usual: what any other net gets.
    """
    return cast(int, getattr(config, "image_size", usual))


def known_families() -> list[str]:
    """Folder names of the families that are here."""
    here = Path(__file__).parent
    return sorted(path.parent.name for path in here.glob("*/family.py"))


def nets_of(family: str) -> tuple[FrameworkName, ...]:
    """The frameworks that a family has a net in.

    Args:
        family: folder name under `ppim_port/models`.
    """
    folder = Path(__file__).parent / family
    return tuple(f for f in KNOWN_FRAMEWORKS if (folder / f"{f}_net.py").is_file())


def require_net(family: str, framework: FrameworkName, left: str) -> None:
    """Accept a framework that a family has a net in.

    Args:
        family: folder name under `ppim_port/models`.
        framework: whose net is wanted.
        left: what state was left, for the message.

    Raises:
        UsageError: there is no such net; the text names the frameworks that have one.
    """
    here = nets_of(family)
    if framework not in here:
        families = [name for name in known_families() if framework in nets_of(name)]
        message = (
            f"There is no {framework} net of the family {family}: it has nets in "
            f"{' and '.join(here)}. Families with one: {', '.join(families)}. {left}"
        )
        raise UsageError(message)


def load_family(name: str) -> Family:
    """The `FAMILY` of a folder under `ppim_port/models`.

    Raises:
        UnknownNameError: no such folder.
    """
    module = f"ppim_port.models.{name}.family"
    try:
        return cast(Family, import_module(module).FAMILY)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise UnknownNameError(name, known_families(), kind="family") from error
