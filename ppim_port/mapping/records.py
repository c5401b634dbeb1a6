"""The records that a plan is made of; each says the fate of one key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from enum import StrEnum

from ppim_port.models.family import Config, Shape
from ppim_port.state_dict import Array, FrameworkName


class Action(StrEnum):
    """What happens to a tensor's values; the last four make one without a source.

    TRANSPOSE swaps two axes, PERMUTE turns four as the fate's `axes` say.
    CREATE makes zeros; MEAN and DEVIATION are of each filter of the `weight` beside.
    """

    COPY = "copy"
    RENAME = "rename"
    TRANSPOSE = "transpose"
    PERMUTE = "permute"
    DROP = "drop"
    CREATE = "create"
    ONES = "ones"
    MEAN = "mean"
    DEVIATION = "deviation"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Shape and dtype of a stored tensor, without its values."""

    shape: Shape
    dtype: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one key.

    Attributes:
        source: key in the source file; None if the tensor is created.
        target: key in the target; None if the tensor is dropped.
        action: what happens to the values; a change of name alone is a rename.
        shape: in the target (of the source, if dropped).
        dtype: in the target (of the source, if dropped).
        reason: why, for a drop, a creation, a new layout or a change of dtype.
        axes: where each of the target's axes stands in the source; empty if they are
            in the same places.
    """

    source: str | None
    target: str | None
    action: Action
    shape: Shape
    dtype: str
    reason: str = ""
    axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A complete plan: every source key once, every target key once.

    Attributes:
        config: the net that the source's own tensors ask for.
        source_framework: whose names and layouts the source has.
        target_framework: whose names and layouts the target gets.
        naming: the spelling that the source's keys were found in, e.g. "official".
        fates: in the target's order, dropped keys after the layer they belong to.
    """

    config: Config
    source_framework: FrameworkName
    target_framework: FrameworkName
    naming: str
    fates: tuple[Fate, ...]

    @property
    def dropped(self) -> tuple[Fate, ...]:
        """The keys that have no place in the target."""
        return tuple(fate for fate in self.fates if fate.target is None)

    @property
    def source_count(self) -> int:
        """Keys of the source."""
        return sum(fate.source is not None for fate in self.fates)

    @property
    def target_count(self) -> int:
        """Keys of the target."""
        return sum(fate.target is not None for fate in self.fates)

    def tally(self) -> dict[str, int]:
        """How many keys each action concerns, by the action's name."""
        return dict(Counter(str(fate.action) for fate in self.fates))


def describe(state: MappingABC[str, Array]) -> dict[str, TensorInfo]:
    """Shapes and dtypes of a state dict: all that planning needs."""
    return {
        key: TensorInfo(tuple(value.shape), value.dtype.name)
        for key, value in state.items()
    }
