"""What is asked of a net that gives feature maps, and what it tells about them.

The words are those of mmdetection's and mmsegmentation's backbones, which the official
RedNet is one of (github.com/d-li14/involution, det/ and seg/): a configuration written
for those means the same here. Refused: indices, strides and dilations that no net of
four stages can have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from ppim_port.errors import UsageError

STAGES = 4
STEM_REDUCTION = 4
STRIDES = (1, 2, 2, 2)
DILATIONS = (1, 1, 1, 1)
ALL = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """How a net gives its feature maps.

    Attributes:
        out_indices: the stages whose maps are given, 0 to 3, rising.
        strides: of the first block of each stage.
        dilations: of every block of each stage.
        frozen_stages: -1 trains all, 0 freezes the stem, k the stem and k stages.
        norm_eval: whether every batch norm evaluates while the net trains.
    """

    out_indices: tuple[int, ...] = ALL
    strides: tuple[int, ...] = STRIDES
    dilations: tuple[int, ...] = DILATIONS
    frozen_stages: int = -1
    norm_eval: bool = False

    def __post_init__(self) -> None:
        """Refuse what no net can have.

        Raises:
            UsageError: everything that is wrong.
        """
        lines = list(_problems(self))
        if lines:
            message = "No net can have these features: " + "; ".join(lines) + "."
            raise UsageError(message)

    @property
    def last(self) -> int:
        """The last stage that has to run."""
        return self.out_indices[-1]

    @property
    def used_strides(self) -> tuple[int, ...]:
        """Of the stages that run."""
        return self.strides[: self.last + 1]

    def infos(
        self, channels: Sequence[int], stem_reduction: int = STEM_REDUCTION
    ) -> tuple[FeatureInfo, ...]:
        """What each map is.

        Args:
            channels: of every stage.
            stem_reduction: of the map that the first stage gets.
        """
        return tuple(
            FeatureInfo(
                index=index,
                name=f"layer{index + 1}",
                channels=channels[index],
                reduction=stem_reduction * prod(self.strides[: index + 1]),
            )
            for index in self.out_indices
        )


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """One of the maps that a net gives.

    Attributes:
        index: of the stage, from 0.
        name: of the layer that it comes out of.
        channels: C of `[N, C, H, W]`.
        reduction: pixels of the picture to one of the map, in each direction.
    """

    index: int
    name: str
    channels: int
    reduction: int


def check_frozen_stages(stages: int, count: int) -> None:
    """Accept -1 (none), 0 (the stem), or a number of stages.

    Args:
        stages: what was asked for.
        count: stages of the net.

    Raises:
        UsageError: neither.
    """
    if not -1 <= stages <= count:
        message = (
            f"Cannot freeze {stages} stages of {count}: expected -1 for none, 0 for "
            f"the stem, or 1 to {count}. Nothing was changed."
        )
        raise UsageError(message)


def check_published_stages(options: FeatureOptions, family: str) -> None:
    """Accept the strides and dilations that a family's nets were published with.

    Raises:
        UsageError: others.
    """
    if (options.strides, options.dilations) != (STRIDES, DILATIONS):
        message = (
            f"The features of {family} have the published strides {STRIDES} and "
            f"dilations {DILATIONS} alone, not {options.strides} and "
            f"{options.dilations}; rednet's can have others."
        )
        raise UsageError(message)


def _problems(options: FeatureOptions) -> Iterator[str]:
    indices = options.out_indices
    rising = all(a < b for a, b in pairwise(indices))
    if not indices or not rising or not set(indices) <= set(ALL):
        yield f"out_indices is {indices}, expected rising numbers of {ALL}"
    for name in ("strides", "dilations"):
        steps = getattr(options, name)
        if len(steps) != STAGES or min(steps) < 1:
            yield f"{name} is {steps}, expected {STAGES} numbers from 1"
    if not -1 <= options.frozen_stages <= STAGES:
        yield f"frozen_stages is {options.frozen_stages}, expected -1 to {STAGES}"
