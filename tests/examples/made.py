"""What the tests of the examples share: the thousand pictures, and made-up ones."""

from __future__ import annotations

import numpy as np
import pytest

from examples.common.pictures import HeldPictures
from tests.support.shared import SHARED

CIFAR = SHARED / "cifar"
needs_cifar = pytest.mark.skipif(
    not CIFAR.is_dir(), reason=f"the thousand CIFAR-10 pictures are not at {CIFAR}"
)


def made_pictures(count: int = 10, side: int = 32) -> HeldPictures:
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, side, side, 3), np.uint8)
    return HeldPictures(images, np.arange(count, dtype=np.int64) % 10)


def above_chance(pictures: int, classes: int, chance: float = 1e-6) -> float:
    """Percent that guessing would exceed with the given chance alone."""
    from scipy.stats import binom

    return float(100 * binom.isf(chance, pictures, 1 / classes) / pictures)
