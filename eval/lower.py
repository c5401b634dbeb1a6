"""How many first classes a lower precision changes, counted on a sample.

The sample is the first pictures that a process scores: they are scored in float32 too.
"""

from __future__ import annotations

import numpy as np

from eval.evidence import Flips
from ppim_port.state_dict import Array

SAMPLE = 256
TOP = 5


class FlipCounter:
    """Counts over the logits of both precisions, batch by batch."""

    def __init__(self) -> None:
        self.flips = Flips()

    @property
    def wanted(self) -> int:
        """How many pictures the sample still lacks."""
        return SAMPLE - self.flips.pictures

    def add(self, low: Array, exact: Array) -> None:
        """Compare logits `[N, classes]` of the same pictures."""
        before = self.flips
        first, other = (np.argsort(-x, axis=1, kind="stable") for x in (low, exact))
        five = [set(row) for row in first[:, :TOP].tolist()]
        others = [set(row) for row in other[:, :TOP].tolist()]
        # Classes that do not compete are minus infinity in both.
        finite = np.isfinite(low) & np.isfinite(exact)
        differences = np.abs(low[finite].astype(np.float64) - exact[finite])
        self.flips = Flips(
            pictures=before.pictures + len(low),
            top1=before.top1 + int((first[:, 0] != other[:, 0]).sum()),
            top5=before.top5 + sum(a != b for a, b in zip(five, others, strict=True)),
            largest=max(before.largest, float(differences.max(initial=0.0))),
        )


def flips_text(flips: Flips, precision: str) -> str:
    """One line for people."""
    return (
        f"{precision} against float32 on {flips.pictures:,} pictures: "
        f"{flips.top1} other first classes, {flips.top5} other sets of five, "
        f"logits up to {flips.largest:.2g} apart"
    )
