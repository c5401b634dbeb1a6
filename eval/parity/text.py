"""A parity report for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eval.parity.differences import HISTOGRAM, LIMIT, Parity
from eval.parity.layers import Divergence

WIDTH = 40
SHOWN = 10


def as_object(parity: Parity, divergence: Divergence | None) -> dict[str, Any]:
    """Every number, as JSON values; the last bin has no end."""
    return {
        **asdict(parity),
        "largest": _finite(parity.largest),
        "median": _finite(parity.median),
        "histogram": [
            {"at_most": _finite(end), "pictures": count}
            for end, count in zip(HISTOGRAM, parity.histogram, strict=True)
        ],
        "verdict": "pass" if parity.within else "fail",
        "first_divergence": _divergence(divergence),
    }


def as_text(
    parity: Parity, divergence: Divergence | None, *, names: tuple[str, ...]
) -> str:
    """The histogram, the agreement, and the layer where they part."""
    n = parity.n
    lines = [
        f"{names[1]} against {names[0]}, {n:,} pictures, the same arrays",
        "",
        *_bars(parity),
        "",
        f"largest   {parity.largest:.2g} of the row's largest logit ({parity.worst}), "
        f"median {parity.median:.2g}",
        f"top-1     {parity.agree:,} of {n:,} agree, {len(parity.near_ties)} more are "
        f"near-ties, {len(parity.disagree)} disagree{_some(parity.disagree)}",
        f"top-5     {parity.same_top5:,} of {n:,} equal, order too",
    ]
    if divergence:
        lines.append(
            f"layer     {divergence.layer} is the first that differs: "
            f"{divergence.difference:.2g}, those before it by {divergence.before:.2g}"
        )
    state = "PASS" if parity.within else "FAIL"
    lines.append(f"verdict   {state}: the limit is {LIMIT:g}, and no disagreement")
    return "\n".join(lines)


def _bars(parity: Parity) -> list[str]:
    most = max(parity.histogram)
    lines = []
    for end, count in zip(HISTOGRAM, parity.histogram, strict=True):
        name = "equal bits" if end == 0 else "above 0.1" if end > 1 else f"<= {end:.0e}"
        bar = "#" * -(-WIDTH * count // most)
        lines.append(f"{name:>10}  {count:>6,}  {bar}".rstrip())
    return lines


def _some(names: tuple[str, ...]) -> str:
    return f": {', '.join(names[:SHOWN])}" if names else ""


def _divergence(divergence: Divergence | None) -> dict[str, Any] | None:
    if divergence is None:
        return None
    return {**asdict(divergence), "difference": _finite(divergence.difference)}


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None
