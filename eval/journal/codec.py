"""Rows and seals as lines of JSON, and back to the same bits.

float32 logits are written with the fewest digits that give the same float32 back, and
sums as float64; keys are in a fixed order, so a row has exactly one spelling.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.records import Row

VERSION = 1


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of a batch.

    Attributes:
        batch: its index.
        rows: rows in it.
        chain: sha256 over the chain before it and the batch's bytes, in hex.
    """

    batch: int
    rows: int
    chain: str


def header_line(settings: Mapping[str, Any]) -> bytes:
    """The first line: the format's version and what decides the numbers."""
    return _line({"ledger": VERSION, "settings": settings})


def row_line(row: Row) -> bytes:
    """One picture's line."""
    return _line(
        {
            "id": row.id,
            "digest": row.digest,
            "label": row.label,
            "top5": list(row.top5),
            "logits": [_shortest(value) for value in row.logits],
            "label_logit": _shortest(row.label_logit),
            "rank": row.rank,
            "log_sum_exp": row.log_sum_exp,
        }
    )


def seal_line(seal: Seal) -> bytes:
    """The line that makes a batch count."""
    return _line({"seal": seal.batch, "rows": seal.rows, "chain": seal.chain})


def parse_row(fields: Mapping[str, Any]) -> Row:
    """The row of a parsed line.

    Raises:
        KeyError, TypeError, ValueError: not a row's fields.
    """
    return Row(
        id=str(fields["id"]),
        digest=str(fields["digest"]),
        label=int(fields["label"]),
        top5=tuple(int(value) for value in fields["top5"]),
        logits=tuple(float(np.float32(value)) for value in fields["logits"]),
        label_logit=float(np.float32(fields["label_logit"])),
        rank=int(fields["rank"]),
        log_sum_exp=float(fields["log_sum_exp"]),
    )


def parse_seal(fields: Mapping[str, Any]) -> Seal:
    """The seal of a parsed line.

    Raises:
        KeyError, TypeError, ValueError: not a seal's fields.
    """
    return Seal(int(fields["seal"]), int(fields["rows"]), str(fields["chain"]))


def next_chain(chain: str, lines: Sequence[bytes]) -> str:
    """The chain after a batch's lines."""
    digest = hashlib.sha256(chain.encode())
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def _line(fields: Mapping[str, Any]) -> bytes:
    # ASCII: a file name that is no valid Unicode survives as an escaped surrogate.
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _shortest(value: float) -> float:
    """The float whose repr has the fewest digits that give the same float32."""
    return float(np.format_float_scientific(np.float32(value)))
