"""What a report's JSON holds: checked as it is built, and published as JSON Schema.

Everything that comes from a run folder passes through it, so a forged or truncated
`result.json` is an error here and not a strange page later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppim_port.schema import (
    Check,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Shape,
    Text,
    problems,
)

__all__ = ["SHAPE", "VERSION", "json_schema", "problems"]

VERSION = 1
_HUGE = 1e15

_count = Number(0, _HUGE, whole=True)
_index = Number(0, 1e6, whole=True)
_share = Number(0, 1)
_percent = Number(0, 100)
_points = Number(-100, 100)
_text = Check(lambda value: True, "a string")
_facts = MapOf(_text)

_SUMMARY: Shape = {
    "n": _count,
    "top1_correct": _count,
    "top5_correct": _count,
    "top1": _percent,
    "top5": _percent,
    "top1_interval": ListOf(_percent, 2),
    "top5_interval": ListOf(_percent, 2),
}
_PUBLISHED: Shape = {
    "source": _text,
    "url": _text,
    "note": _text,
    "top1": _percent,
    "top5": _percent,
    "top1_difference": Nullable(_points),
    "top5_difference": Nullable(_points),
    "tolerance": Nullable(_percent),
    "within": None,
}
_CLASS: Shape = {
    "index": _index,
    "n": _count,
    "correct": _count,
    "top5_correct": _count,
    "accuracy": _percent,
    "predicted": _count,
    "confused_with": Nullable(_index),
    "confused": _count,
}
_BIN: Shape = {
    "low": _share,
    "high": _share,
    "n": _count,
    "correct": _count,
    "accuracy": Nullable(_share),
    "confidence": Nullable(_share),
}
_SUPERCLASSES: Shape = {
    "names": ListOf(Text()),
    "counts": ListOf(ListOf(_count)),
    "correct": _count,
    "accuracy": _percent,
    "wrong": _count,
    "wrong_inside": _count,
}
_BASELINE: Shape = {
    "n": _count,
    "top1_old_correct": _count,
    "top1_new_correct": _count,
    "net_change": _points,
    "interval": ListOf(_points, 2),
    "p_value": _share,
    "broken": _count,
    "mended": _count,
    "moved": _count,
    "near_ties": _count,
    "other_files": _count,
}
_PICTURE: Shape = {
    "id": _text,
    "digest": _text,
    "label": _index,
    "predicted": _index,
    "before": Nullable(_index),
    "change": Nullable(Text(("broken", "mended", "moved"))),
    "confidence": _share,
    "label_probability": _share,
    "rank": _count,
}

SHAPE: Shape = {
    "report": Number(VERSION, VERSION, whole=True),
    "title": _text,
    "ledger": {"sha256": _text, "batches": _count},
    "verdict": Nullable({"status": _text, "reason": _text}),
    "published": ListOf(_PUBLISHED, 0),
    "summary": _SUMMARY,
    "likelihood": {"nll": Number(0, _HUGE)},
    "real": Nullable(
        {
            "n": _count,
            "correct": _count,
            "accuracy": Nullable(_percent),
            "unlabelled": _count,
        }
    ),
    "baseline": Nullable(_BASELINE),
    "classes": ListOf(_CLASS),
    "superclasses": Nullable(_SUPERCLASSES),
    "calibration": {
        "ece": _share,
        "mce": _share,
        "mean_confidence": _share,
        "bins": ListOf(_BIN),
    },
    "risk_coverage": {
        "aurc": _share,
        "aurc_best": _share,
        "points": ListOf({"coverage": _share, "risk": _share}),
    },
    "pictures": {
        "kind": Text(("worst", "flipped")),
        "total": _count,
        "shown": ListOf(_PICTURE, 0),
    },
    "recipe": _facts,
    "run": _facts,
    "environment": _facts,
}


def json_schema(shape: Shape = SHAPE) -> dict[str, Any]:
    """The same as JSON Schema (draft 2020-12), for programs in other languages."""
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**top, "title": "evaluate report", **_schema(shape)}


def _schema(shape: Shape) -> dict[str, Any]:
    match shape:
        case None:
            return {}
        case Nullable(inner):
            return {"anyOf": [{"type": "null"}, _schema(inner)]}
        case ListOf(inner, least):
            return {"type": "array", "items": _schema(inner), "minItems": least}
        case MapOf(inner):
            return {"type": "object", "additionalProperties": _schema(inner)}
        case Number(low, high, whole):
            kind = "integer" if whole else "number"
            return {"type": kind, "minimum": low, "maximum": high}
        case Text(one_of):
            return {"type": "string", "minLength": 1} | (
                {"enum": list(one_of)} if one_of else {}
            )
        case Check():
            return {"type": "string"}
        case fields:
            return _object(fields)


def _object(fields: Mapping[str, Shape]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _schema(inner) for name, inner in fields.items()},
        "required": sorted(fields),
        "additionalProperties": False,
    }
