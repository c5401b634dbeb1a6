"""The recorded nets: what planning needs, and what the real torchvision answered.

Made by `tools/record_pairs.py` in a run of the real packages, whose versions each
record holds. Read with the standard library and numpy alone.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ppim_port.pairs.records import NetDescription, NetName, from_json, to_json
from ppim_port.state_dict import Array

DATA = Path(__file__).parent / "data"
ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Answer:
    """What torchvision's net says to the seeded picture, with the seeded weights.

    Attributes:
        logits: float64 `[1, 1000]`.
        state_sha256: of the seeded weights that it had.
    """

    logits: Array
    state_sha256: str


def description_path(net: NetName, folder: Path = DATA) -> Path:
    """Where a net's record is."""
    return folder / f"{net.package}.{net.model}.json.gz"


@cache
def recorded(net: NetName) -> NetDescription:
    """What a net does, as recorded."""
    data = gzip.decompress(description_path(net).read_bytes())
    return from_json(json.loads(data))


def write_description(net: NetDescription, folder: Path) -> None:
    """Record a net; the same net gives the same bytes."""
    text = json.dumps(to_json(net), separators=(",", ":"))
    data = gzip.compress(text.encode("ascii"), 9, mtime=0)
    description_path(net.net, folder).write_bytes(data)


def answer(model: str) -> Answer:
    """What was recorded of torchvision's model."""
    with np.load(DATA / f"{ANSWERS}.npz", allow_pickle=False) as logits:
        return Answer(logits[model], _digests()[model])


def write_answers(answers: dict[str, Answer], folder: Path) -> None:
    """Record the answers of all models."""
    logits: dict[str, Any] = {model: a.logits for model, a in answers.items()}
    np.savez(folder / f"{ANSWERS}.npz", **logits)
    digests = {model: a.state_sha256 for model, a in answers.items()}
    text = json.dumps(digests, indent=1) + "\n"
    (folder / f"{ANSWERS}.json").write_text(text, "ascii")


def _digests() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((DATA / f"{ANSWERS}.json").read_text("ascii"))
    return values
