"""Run folders as `evaluate --run` leaves them, without a net."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from eval.evidence import Certificate
from eval.gate import gate, missing_from_whole
from eval.journal import Journal
from eval.ledger import row_of
from eval.metrics import score
from eval.records import Dataset, Request, Result, Row, Sample
from eval.report import RESULT_NAME, write_json
from eval.settings import all_settings, asked_settings
from ppim_port.manifest import load_manifest
from ppim_port.recipe import recipe_from_dict
from tests.eval.made import record

CLASSES = 1000
BATCH = 16


def made_rows(n: int = 60, *, seed: int = 0, names: Sequence[str] = ()) -> list[Row]:
    """Rows of a net that is right about three times in four, over 20 classes."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(n):
        name = names[index] if index < len(names) else f"n{index % 20:08d}/{index}.JPEG"
        label = index * 37 % 20 * 50
        logits = random.normal(size=CLASSES).astype(np.float32)
        best = label if random.random() < 0.75 else int(random.integers(CLASSES))
        logits[best] += np.float32(random.uniform(4, 12))
        rows.append(row_of(Sample(name, Path(name), label), digest(name), logits))
    return sorted(rows, key=lambda row: row.id)


def digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def run_folder(folder: Path, rows: Sequence[Row], framework: str = "torch") -> Path:
    """A finished run of these rows."""
    samples = tuple(Sample(row.id, Path(row.id), row.label) for row in rows)
    dataset = Dataset(Path("val"), "folders", samples, CLASSES)
    manifest, model = load_manifest(), record()
    recipe = recipe_from_dict(model.recipe, manifest.recipes[model.recipe])
    certificate = Certificate(
        versions={
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            framework: "2.13.0",
        },
        threads={"opencv": 1},
        flags={"tf32": False},
        canaries={"decoded": "0" * 64},
        rounding=1e-6,
    )
    asked = asked_settings(
        model,
        recipe,
        framework,
        dataset=dataset,
        batch_size=BATCH,
        protocol="ilsvrc2012",
        precision="float32",
    )
    settings = all_settings(asked, "a" * 64, certificate)
    with Journal(folder, settings) as journal:
        for begun in range(0, len(rows), BATCH):
            journal.append(rows[begun : begun + BATCH])
        chain = journal.chain
    counts = score(rows)
    result = Result(
        request=Request("rednet26", Path("val"), framework=framework, batch_size=BATCH),
        record=model,
        recipe=recipe,
        dataset=dataset,
        framework_version="2.13.0",
        weights=Path("rednet26.pth"),
        weights_sha256="a" * 64,
        score=counts,
        verdict=gate(counts, model.published, missing=missing_from_whole(dataset)),
        seconds=1.0,
        rows=tuple(rows),
        chain=chain,
        dataset_digest=str(asked["dataset"]),
        certificate=certificate,
    )
    write_json(result, folder / RESULT_NAME)
    return folder
