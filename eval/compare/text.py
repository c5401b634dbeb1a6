"""A comparison for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eval.paired import Compared, Flip, Paired
from ppim_port.table import table

SHOWN = 20


def as_object(compared: Compared) -> dict[str, Any]:
    """Every number and every flip, as JSON values."""
    return {
        "n": compared.n,
        "agreement": compared.agreement,
        "same_top5": compared.same_top5,
        "other_files": compared.other_files_count,
        "top1": _paired(compared.top1),
        "top5": _paired(compared.top5),
        "top1_old": {"correct": compared.old_right, "wilson": compared.old_wilson},
        "top1_new": {"correct": compared.new_right, "wilson": compared.new_wilson},
        "logits": asdict(compared.logits) if compared.logits else None,
        "flips": [asdict(flip) for flip in compared.flips],
    }


def _paired(paired: Paired) -> dict[str, Any]:
    return {**asdict(paired), "net_change": paired.net_change}


def as_text(compared: Compared, *, shown: int = SHOWN) -> str:
    """The numbers a line each, then the flips, at most `shown` of them."""
    near = sum(flip.near_tie for flip in compared.flips)
    lines = [
        f"pictures   {compared.n:,}{_files(compared)}",
        f"top-1      {_accuracies(compared)}",
        f"net change top-1 {_change(compared.top1)}",
        f"           top-5 {_change(compared.top5)}",
        f"agreement  {100 * compared.agreement:.3f} % of first classes, "
        f"{compared.same_top5:,} of {compared.n:,} equal top-5",
        f"flips      {len(compared.flips):,}, {near:,} of them near-ties",
        f"logits     {_logits(compared)}",
    ]
    if compared.flips:
        lines += ["", _flips(compared.flips[:shown])]
        if len(compared.flips) > shown:
            lines.append(f"and {len(compared.flips) - shown:,} more (--json has all)")
    return "\n".join(lines)


def _files(compared: Compared) -> str:
    if not compared.other_files_count:
        return ", the same files"
    some = ", ".join(compared.other_files)
    return f"; {compared.other_files_count:,} FILES DIFFER: {some}"


def _accuracies(compared: Compared) -> str:
    n = compared.n
    return " then ".join(
        f"{100 * right / n:.3f} % ({right:,}; Wilson {low:.2f}..{high:.2f})"
        for right, (low, high) in (
            (compared.old_right, compared.old_wilson),
            (compared.new_right, compared.new_wilson),
        )
    )


def _change(paired: Paired) -> str:
    low, high = paired.interval
    return (
        f"{paired.net_change:+.3f} pp (95 %: {low:+.3f}..{high:+.3f}), "
        f"{paired.only_new:,} mended, {paired.only_old:,} broken, "
        f"exact McNemar p = {paired.p_value:.2g}"
    )


def _logits(compared: Compared) -> str:
    if compared.logits is None:
        return "no class in common"
    return (
        f"of {compared.logits.values:,} shared top-5 classes differ by at most "
        f"{compared.logits.largest:.2g} of the picture's largest "
        f"({compared.logits.picture}), median {compared.logits.median:.2g}"
    )


def _flips(flips: tuple[Flip, ...]) -> str:
    header = ["flipped picture", "label", "old", "new", "margins", "", ""]
    return table(header, [_row(flip) for flip in flips])


def _row(flip: Flip) -> list[str]:
    return [
        flip.id,
        str(flip.label),
        str(flip.old),
        str(flip.new),
        f"{flip.old_margin:.3g} then {flip.new_margin:.3g}",
        flip.kind,
        "near-tie" if flip.near_tie else "",
    ]
