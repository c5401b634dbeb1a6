"""How well each variant explains what was observed, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from eval.doctor.variants import AS_IS, Variant
from eval.records import Row
from ppim_port.state_dict import Array

# Of a picture's largest logit: frameworks and machines are within 2e-5 of each other,
# and the smallest mistake moves most pictures' logits by more than 1e-2.
EXPLAINED = 1e-3
# Pictures that a cause must explain, and the gain in top-1 that counts as one.
MOST = 0.95
GAIN = 0.05

Logits = Callable[[Variant], Array]


@dataclass(frozen=True, slots=True)
class Finding:
    """One variant, held against what was observed.

    Attributes:
        variant: what was changed.
        distance: mean over pictures of the largest difference of an observed top-5
            logit, relative to the picture's largest, at most 1; a wrong label is 1.
            NaN if there was nothing observed.
        explained: pictures whose distance is within 1e-3.
        top1_correct: with the variant's right labels.
        nll: mean negative log-likelihood of these labels; infinite if a logit is not
            finite.
    """

    variant: Variant
    distance: float
    explained: int
    top1_correct: int
    nll: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The ranking, and what follows from it.

    Attributes:
        by: what the variants were ranked by.
        n: pictures.
        findings: the best first.
        cause: the variant that is the cause; None if no single one is.
    """

    by: Literal["ledger", "accuracy"]
    n: int
    findings: tuple[Finding, ...]
    cause: Variant | None


def by_ledger(
    tried: Iterable[Variant], logits: Logits, rows: Sequence[Row], labels: Sequence[int]
) -> Diagnosis:
    """Rank by how well each variant reproduces observed rows.

    Args:
        tried: the variants; among equals the first stays first.
        logits: gives a variant's `[N, classes]` for the rows' pictures.
        rows: what was observed.
        labels: of the same pictures, as our data set has them.
    """
    findings = sorted(
        (_held(variant, logits(variant), rows, labels) for variant in tried),
        key=lambda finding: finding.distance,
    )
    best = findings[0]
    sure = best.explained >= MOST * len(rows)
    return Diagnosis(
        "ledger", len(rows), tuple(findings), best.variant if sure else None
    )


def by_accuracy(
    tried: Iterable[Variant], logits: Logits, labels: Sequence[int]
) -> Diagnosis:
    """Rank by right answers, then by likelihood; a cause must gain 5 points."""
    findings = sorted(
        (_scored(variant, logits(variant), labels) for variant in tried),
        key=lambda finding: (-finding.top1_correct, finding.nll),
    )
    plain = next(f for f in findings if f.variant is AS_IS)
    gain = findings[0].top1_correct - plain.top1_correct
    cause = findings[0].variant if gain > GAIN * len(labels) else None
    return Diagnosis("accuracy", len(labels), tuple(findings), cause)


def _held(
    variant: Variant, logits: Array, rows: Sequence[Row], labels: Sequence[int]
) -> Finding:
    distances = np.array(
        [
            _distance(row, values) if _fits(variant, row.label, label) else 1.0
            for row, values, label in zip(rows, logits, labels, strict=True)
        ]
    )
    scored = _scored(variant, logits, labels)
    return Finding(
        variant=variant,
        distance=float(distances.mean()),
        explained=int((distances <= EXPLAINED).sum()),
        top1_correct=scored.top1_correct,
        nll=scored.nll,
    )


def _fits(variant: Variant, observed: int, ours: int) -> bool:
    """Either side may be the one with the faulty labels."""
    faulty = variant.labels
    if faulty is None:
        return observed == ours
    return _at(faulty, ours) == observed or _at(faulty, observed) == ours


def _at(mapping: Sequence[int], index: int) -> int:
    return mapping[index] if index < len(mapping) else -1


def _distance(row: Row, values: Array) -> float:
    if max(row.top5) >= len(values):
        return 1.0
    if not np.isfinite(values).all():
        return 1.0
    observed = np.array(row.logits)
    scale = max(float(np.abs(observed).max()), 1e-30)
    off = float(np.abs(values[list(row.top5)] - observed).max()) / scale
    return min(off, 1.0)


def _scored(variant: Variant, logits: Array, labels: Sequence[int]) -> Finding:
    right = [_righted(variant, label, logits.shape[1]) for label in labels]
    exact = logits.astype(np.float64)
    finite = np.isfinite(exact).all(axis=1)
    # A mistake may overflow the net: nobody's answer, and no likelihood at all.
    exact[~finite] = 0
    highest = exact.max(axis=1, keepdims=True)
    total = highest[:, 0] + np.log(np.exp(exact - highest).sum(axis=1))
    loss = total - exact[np.arange(len(right)), right]
    correct = finite & (exact.argmax(axis=1) == right)
    return Finding(
        variant=variant,
        distance=float("nan"),
        explained=0,
        top1_correct=int(correct.sum()),
        nll=float(loss.mean()) if finite.all() else inf,
    )


def _righted(variant: Variant, label: int, classes: int) -> int:
    """The right label, if ours is the variant's faulty one."""
    if variant.labels is None or label not in variant.labels:
        return min(label, classes - 1)
    return variant.labels.index(label)
