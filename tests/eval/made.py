"""Made-up data sets, batches and results, without a picture or a net."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.ledger import Ledger
from eval.records import Batch, Dataset, Row, Sample
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.state_dict import Array

DEMO = Path(__file__).parents[2] / "demo" / "pictures"
DEMO_LIST = DEMO / "val_list.txt"
DEMO_COUNT = 11


def record(name: str = "rednet26") -> ModelRecord:
    return load_manifest().model(name)


def batch(*ids: str, labels: Sequence[int] = ()) -> Batch:
    """Scored pictures need no pixels; the ledger does not look at them."""
    found = labels or [0] * len(ids)
    samples = tuple(
        Sample(name, Path("val") / name, label)
        for name, label in zip(ids, found, strict=True)
    )
    digests = tuple(f"{n:064x}" for n in range(len(ids)))
    return Batch(0, samples, np.empty((len(ids), 0, 0, 3), np.uint8), digests)


def rows_of(logits: Array, labels: Sequence[int] = ()) -> list[Row]:
    """The ledger's rows for logits `[N, classes]`."""
    ledger = Ledger()
    ledger.append(batch(*map(str, range(len(logits))), labels=labels), logits)
    return list(ledger)


def whole_set() -> tuple[Sample, ...]:
    """All 50,000 names, 50 of each label; the true labels do not matter here."""
    return tuple(
        Sample(name, Path(name), number % 1000)
        for number in range(50_000)
        for name in [f"ILSVRC2012_val_{number + 1:08d}.JPEG"]
    )


def dataset(samples: Sequence[Sample]) -> Dataset:
    return Dataset(Path("val"), "list", tuple(samples), 1000)


def demo_labels() -> dict[str, int]:
    """What the demo's list says, read without the code under test."""
    lines = DEMO_LIST.read_text("utf-8").splitlines()
    return {name: int(label) for name, label in (line.split() for line in lines)}
