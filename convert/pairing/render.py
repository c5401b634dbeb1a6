"""What the program prints about a pair: for people, and one object for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convert import render
from convert.pairing.pipeline import pair_object
from convert.pairing.records import PairOutcome, PairPlan, PairProof
from convert.provenance import dropped, key_counts


def plan_table(planned: PairPlan) -> str:
    """Every key's fate, what differs between the nets, and what becomes of the port."""
    match = planned.match
    lines = [render.fate_table(planned), "", render.totals(planned)]
    lines += [f"differs  {difference}" for difference in planned.differences]
    lines += [f"mends    {mend}" for mend in planned.mends]
    file = planned.upstream.origin.path if planned.upstream else "no file was read"
    lines.append(f"{planned.name} ({file})")
    lines.append(
        f"REFUSED  for {len(planned.left)} settings that differ"
        if planned.left
        else f"nets     {len(match.source.ops)} operations do the same"
    )
    return "\n".join(lines)


def plan_object(planned: PairPlan) -> dict[str, Any]:
    """A plan for machines."""
    return {
        **render.plan_object(planned),
        "pair": pair_object(planned),
        "accepted": not planned.left,
    }


def summary(outcome: PairOutcome) -> str:
    """A finished conversion in a few lines."""
    planned = outcome.plan
    assert planned.upstream is not None
    proof = _proof(outcome.proof) or ["parity   NOT verified (--no-verify)"]
    return "\n".join(
        [
            f"{planned.name}: {planned.upstream.origin.path}",
            f"keys     {render.totals(planned)}",
            *(f"mended   {mend}" for mend in planned.mends),
            *proof,
            f"written  {outcome.written.path} ({outcome.written.size:,} bytes)",
            f"sha256   {outcome.written.sha256}",
            f"sidecar  {outcome.provenance}",
        ]
    )


def outcome_object(outcome: PairOutcome) -> dict[str, Any]:
    """A finished conversion for machines."""
    planned = outcome.plan
    return {
        "model": planned.name,
        "written": str(outcome.written.path),
        "sha256": outcome.written.sha256,
        "size": outcome.written.size,
        "format": planned.kind,
        "framework": planned.mapping.target_framework,
        "source": render.source_object(planned),
        "keys": key_counts(planned),
        "dropped": dropped(planned),
        "pair": pair_object(planned),
        "parity": asdict(outcome.proof) if outcome.proof else None,
        "provenance": str(outcome.provenance),
    }


def _proof(proof: PairProof | None) -> list[str]:
    if proof is None:
        return []
    lines = [
        f"nets     {proof.operations} operations do the same; {proof.tensors} tensors "
        "read back out of the net bit for bit",
        f"parity   float64 logits differ by {proof.max_relative_difference:.1e} of the "
        f"largest (limit {proof.tolerance:g}): {proof.source} = {proof.target}",
    ]
    if proof.reference is not None:
        lines.append(
            f"witness  torchvision is not here: with seeded weights, Paddle's net "
            f"differs by {proof.reference:.1e} from the recorded logits of the real one"
        )
    return lines
