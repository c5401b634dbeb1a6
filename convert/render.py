"""What the program prints: tables and summaries for people, one object for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from convert.provenance import dropped, key_counts
from convert.records import Decided, Outcome, Proof
from ppim_port.manifest import Manifest
from ppim_port.mapping import Fate
from ppim_port.table import percent, table


def model_table(manifest: Manifest) -> str:
    """All models: size, cost, every published accuracy with its source, sources."""
    rows = []
    for record in manifest.models.values():
        size = [
            record.name,
            _figure(record.published_parameters_m),
            _figure(record.flops.published_g),
        ]
        sources = ", ".join(f"{s.name} (.{s.format})" for s in record.sources)
        if not record.published:
            rows.append([*size, "", "", "", "none published: --checkpoint FILE"])
        for index, figure in enumerate(record.published):
            accuracy = [percent(figure.top1), percent(figure.top5), figure.source]
            first = index == 0
            rows.append(
                [*(size if first else [""] * 3), *accuracy, sources if first else ""]
            )
    header = [
        "model",
        "params M",
        "GFLOPs",
        "top-1",
        "top-5",
        "published by",
        "weights",
    ]
    return table(header, rows)


def _figure(value: float | None) -> str:
    """A published size; empty if nobody published one."""
    return "" if value is None else f"{value:.2f}"


def model_list(manifest: Manifest) -> list[dict[str, Any]]:
    """The same for machines: the manifest's records."""
    return [asdict(record) for record in manifest.models.values()]


def plan_table(planned: Decided) -> str:
    """Every key's fate, and the totals."""
    return f"{fate_table(planned)}\n\n{totals(planned)}\n{_from(planned)}"


def fate_table(planned: Decided) -> str:
    """Every key's fate."""
    values = dropped(planned)
    rows = [
        [
            fate.source or "-",
            str(fate.action),
            fate.target or "-",
            "x".join(map(str, fate.shape)) or "scalar",
            fate.dtype,
            _reason(fate, values),
        ]
        for fate in planned.mapping.fates
    ]
    header = ["source key", "action", "target key", "shape", "dtype", "reason"]
    return table(header, rows)


def plan_object(planned: Decided) -> dict[str, Any]:
    """A plan for machines."""
    return {
        "model": planned.name,
        "written": None,
        "source": source_object(planned),
        "out": str(planned.out),
        "framework": planned.mapping.target_framework,
        "naming": planned.mapping.naming,
        "keys": key_counts(planned),
        "dropped": dropped(planned),
        "fates": [asdict(fate) for fate in planned.mapping.fates],
    }


def summary(outcome: Outcome) -> str:
    """A finished conversion in a few lines."""
    planned = outcome.plan
    parity = proof_lines(outcome.proof) or ["parity   NOT verified (--no-verify)"]
    return "\n".join(
        [
            f"{planned.name}: {_from(planned)}",
            f"keys     {totals(planned)}",
            *parity,
            f"written  {outcome.written.path} ({outcome.written.size:,} bytes)",
            f"sha256   {outcome.written.sha256}",
            f"sidecar  {outcome.provenance}",
        ]
    )


def proof_lines(proof: Proof | None) -> list[str]:
    """What was proven, and how well; nothing if there is no proof."""
    if proof is None:
        return []
    lines = [
        f"parity   float64 logits differ by {proof.max_relative_difference:.1e} of the "
        f"largest (limit {proof.tolerance:g}): {proof.source} = {proof.target}",
        _noise(proof),
        f"nets     {proof.layers} layers set alike; {proof.tensors} tensors read back "
        "out of the net bit for bit",
    ]
    if proof.gradients:
        lines.append(
            f"backward gradients of {proof.gradients.tensors} tensors differ by "
            f"{proof.gradients.max_relative_difference:.1e} at most"
        )
    return lines


def _noise(proof: Proof) -> str:
    source, target = proof.source.split()[0], proof.target.split()[0]
    floor = proof.noise_floor
    if floor.source is None or floor.target is None:
        return "noise    of float32: too much to tell, it overflows on this input"
    return (
        f"noise    of float32: {source}'s logits differ by {floor.source:.1e} from its "
        f"float64, {target}'s differ by {floor.target:.1e}"
    )


def outcome_object(outcome: Outcome) -> dict[str, Any]:
    """A finished conversion for machines."""
    planned = outcome.plan
    return {
        "model": planned.name,
        "written": str(outcome.written.path),
        "sha256": outcome.written.sha256,
        "size": outcome.written.size,
        "format": planned.kind,
        "framework": planned.mapping.target_framework,
        "source": source_object(planned),
        "keys": key_counts(planned),
        "dropped": dropped(planned),
        "parity": asdict(outcome.proof) if outcome.proof else None,
        "provenance": str(outcome.provenance),
    }


def _reason(fate: Fate, values: Mapping[str, int | float | None]) -> str:
    value = values.get(fate.source or "")
    return fate.reason if value is None else f"held {value}; {fate.reason}"


def totals(planned: Decided) -> str:
    """Keys of source and target, and what became of them."""
    counts = key_counts(planned)
    tally = ", ".join(f"{n} {action}" for action, n in planned.mapping.tally().items())
    return (
        f"{counts['source']} source, {counts['dropped']} dropped, "
        f"{counts['target']} target ({tally})"
    )


def _from(planned: Decided) -> str:
    if planned.upstream is None:
        return "planned from the official layout as published; no file was read"
    origin = planned.upstream.origin
    return (
        f"{origin.path} ({origin.name}, {planned.upstream.checkpoint.file_format}, "
        f"{planned.mapping.naming} names) -> {planned.mapping.target_framework}"
    )


def source_object(planned: Decided) -> dict[str, Any] | None:
    """Where the source came from, for machines; None if no file was read."""
    if planned.upstream is None:
        return None
    origin, checkpoint = planned.upstream.origin, planned.upstream.checkpoint
    return {
        "path": str(origin.path),
        "name": origin.name,
        "url": origin.url,
        "sha256": origin.sha256,
        "trust": origin.trust,
        "format": str(checkpoint.file_format),
        "framework": checkpoint.framework,
    }
