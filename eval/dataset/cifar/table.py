"""What every form comes down to: rows of pixels, and labels of 0..classes-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eval.dataset.cifar.picture import Pixels


@dataclass(frozen=True, slots=True)
class Table:
    """Pictures in the set's own order.

    Attributes:
        pixels: uint8 `[n, 3072]`: planes of red, green and blue.
        labels: of the classes that are scored.
    """

    pixels: Pixels = field(repr=False)
    labels: Sequence[int]
