"""What the program prints: a summary for people, one object for machines."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.lower import flips_text
from eval.records import Comparison, Result, Row
from eval.ties import near_ties
from ppim_port.output import write_text
from ppim_port.table import percent, table
from ppim_port.version import __version__

RESULT_NAME = "result.json"
# Of a run that a quick verdict ended: its name says that it is a part.
SAMPLE_NAME = "sample.json"


def result_object(result: Result) -> dict[str, Any]:
    """A finished evaluation for machines; percentages derive from the counts."""
    import cv2
    import numpy as np

    score, verdict, request = result.score, result.verdict, result.request
    return with_seal(
        {
            "model": result.record.name,
            "framework": request.framework,
            "recipe": result.recipe.name,
            "recipe_fingerprint": result.recipe.fingerprint(),
            "weights": {"path": str(result.weights), "sha256": result.weights_sha256},
            "val_dir": str(result.dataset.root),
            "layout": result.dataset.layout,
            "protocol": request.protocol,
            "n": score.n,
            "unlisted": result.dataset.unlisted,
            "top1_correct": score.top1_correct,
            "top5_correct": score.top5_correct,
            "top1": score.top1,
            "top5": score.top5,
            "verdict": verdict.status,
            "verdict_reason": verdict.reason,
            "published": [asdict(figure) for figure in result.record.published],
            "comparisons": [asdict(comparison) for comparison in verdict.comparisons],
            "images_per_second": result.images_per_second,
            "seconds": result.seconds,
            "scored": score.n if result.scored is None else result.scored,
            "timing": asdict(result.timing),
            "batch_size": request.batch_size,
            "precision": request.precision,
            "flips": asdict(result.flips) if result.flips else None,
            "dataset": result.dataset_digest,
            "ledger": result.chain,
            "certificate": asdict(result.certificate),
            "near_ties": ties_object(result.rows, result.certificate.rounding),
            "versions": {
                "ppim-port": __version__,
                request.framework: result.framework_version,
                "opencv": cv2.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                **_pillow(result),
            },
        }
    )


def _pillow(result: Result) -> dict[str, str]:
    """Its version where the recipe has it decode or resize."""
    found = result.certificate.versions.get("pillow")
    return {"pillow": found} if found else {}


def ties_object(rows: Iterable[Row], rounding: float) -> dict[str, Any]:
    """Pictures whose counts hang on rounding: each of two logits may be off by it."""
    within = 2 * rounding
    return {"within": within, "pictures": near_ties(rows, within)}


def with_seal(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object with a digest of all else in it, so that no byte changes unseen."""
    rest = {name: value for name, value in found.items() if name != "seal"}
    text = json.dumps(rest, separators=(",", ":"))
    return {**rest, "seal": hashlib.sha256(text.encode()).hexdigest()}


def object_text(found: Mapping[str, Any]) -> str:
    """The one spelling of a result's object: ASCII, two spaces an indent."""
    return json.dumps(found, indent=2)


def as_json(result: Result) -> str:
    """`result_object` in ASCII: no name of a folder can keep it from being shown."""
    return object_text(result_object(result))


def write_json(result: Result, path: Path) -> None:
    """Write `result_object` to a file.

    Raises:
        OutputError: the disk said no; an older file is as it was.
    """
    write_text(as_json(result) + "\n", path)


def summary(result: Result) -> str:
    """A finished evaluation on a few lines of text."""
    score, verdict = result.score, result.verdict
    return "\n".join(
        [
            f"{result.record.name} in {result.request.framework} "
            f"{result.framework_version}, recipe {result.recipe.name} "
            f"({result.recipe.fingerprint()})",
            f"weights  {result.weights} (sha256 {result.weights_sha256[:16]}...)",
            f"top-1    {score.top1:.3f} %  ({score.top1_correct:,} of {score.n:,})",
            f"top-5    {score.top5:.3f} %  ({score.top5_correct:,} of {score.n:,})",
            *_flips(result),
            f"speed    {result.images_per_second:.1f} images/s, {result.seconds:.1f} s",
            "",
            *_figures(result),
            f"verdict  {verdict.status.upper()}: {verdict.reason}",
        ]
    )


def _flips(result: Result) -> list[str]:
    """What a lower precision changed; nothing in float32."""
    if result.flips is None:
        return []
    return [flips_text(result.flips, result.request.precision)]


def _figures(result: Result) -> list[str]:
    """What to compare with; nothing if this is another recipe or classifier."""
    if result.verdict.status == "not-comparable":
        return []
    if result.verdict.comparisons:
        rows = [_compared(comparison) for comparison in result.verdict.comparisons]
        header = ["published by", "top-1", "diff", "top-5", "diff", "tolerance", ""]
        return [table(header, rows), ""]
    rows = [
        [figure.source, percent(figure.top1), percent(figure.top5)]
        for figure in result.record.published
    ]
    return [table(["published by (50,000 pictures)", "top-1", "top-5"], rows), ""]


def _compared(comparison: Comparison) -> list[str]:
    return [
        comparison.source,
        percent(comparison.top1),
        f"{comparison.top1_difference:+.3f}",
        percent(comparison.top5),
        f"{comparison.top5_difference:+.3f}",
        f"{comparison.tolerance:g} pp",
        "within" if comparison.within else "OUTSIDE",
    ]
