"""A diagnosis for people and for machines."""

from __future__ import annotations

from math import inf
from typing import Any

from eval.doctor.ranking import Diagnosis, Finding
from ppim_port.table import table

SHOWN = 8


def as_object(diagnosis: Diagnosis) -> dict[str, Any]:
    """The whole ranking, as JSON values."""
    return {
        "ranked_by": diagnosis.by,
        "n": diagnosis.n,
        "cause": diagnosis.cause.name if diagnosis.cause else None,
        "findings": [_finding(finding, diagnosis) for finding in diagnosis.findings],
    }


def as_text(diagnosis: Diagnosis) -> str:
    """The best few variants, then the cause in words."""
    if diagnosis.by == "ledger":
        header = ["variant", "explained", "distance", "top-1 correct"]
    else:
        header = ["variant", "top-1 correct", "mean NLL"]
    rows = [_row(finding, diagnosis) for finding in diagnosis.findings[:SHOWN]]
    return f"{table(header, rows)}\n\ncause  {_cause(diagnosis)}"


def _cause(diagnosis: Diagnosis) -> str:
    best = diagnosis.findings[0]
    if diagnosis.cause is None:
        if diagnosis.by == "accuracy":
            return "none found: no single change gains 5 points of top-1"
        return (
            f"none found: no single change explains the run; nearest is "
            f"{best.variant.name}, {best.explained} of {diagnosis.n} pictures"
        )
    name, cause = diagnosis.cause.name, diagnosis.cause.cause
    if diagnosis.by == "accuracy":
        return f"{name}: {cause} (by accuracy alone: a ledger would prove it)"
    return f"{name}: {cause}; explains {best.explained} of {diagnosis.n} pictures"


def _row(finding: Finding, diagnosis: Diagnosis) -> list[str]:
    right = f"{finding.top1_correct} of {diagnosis.n}"
    if diagnosis.by == "accuracy":
        return [finding.variant.name, right, f"{finding.nll:.4f}"]
    explained = f"{finding.explained} of {diagnosis.n}"
    return [finding.variant.name, explained, f"{finding.distance:.2g}", right]


def _finding(finding: Finding, diagnosis: Diagnosis) -> dict[str, Any]:
    known = diagnosis.by == "ledger"
    return {
        "variant": finding.variant.name,
        "cause": finding.variant.cause,
        "explained": finding.explained if known else None,
        "distance": finding.distance if known else None,
        "top1_correct": finding.top1_correct,
        "nll": finding.nll if finding.nll < inf else None,
    }
