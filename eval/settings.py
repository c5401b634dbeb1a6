"""The settings of a run: everything that decides its numbers, and nothing else.

They are the header of its ledger. A run goes on only where they are all the same, and
two ledgers with the same settings hold the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from eval.evidence import Certificate
from eval.records import Dataset
from ppim_port.manifest import ModelRecord
from ppim_port.recipe import Recipe
from ppim_port.state_dict import FrameworkName
from ppim_port.version import __version__


def asked_settings(
    record: ModelRecord,
    recipe: Recipe,
    framework: FrameworkName,
    *,
    dataset: Dataset,
    batch_size: int,
    protocol: str,
    precision: str,
    order_seed: int | None = None,
) -> dict[str, Any]:
    """Those that are known before weights and framework are loaded.

    Not whether the framework's own layers ran or the inference form: that changes
    bits, which the canaries tell, but no number that a person looks at.
    """
    pairs = sorted((sample.id, sample.label) for sample in dataset.samples)
    return {
        "model": record.name,
        "framework": framework,
        "recipe": recipe.name,
        "recipe_fingerprint": recipe.fingerprint(),
        "dataset": dataset_digest(pairs),
        "protocol": protocol,
        "pictures": len(dataset.samples),
        "classes": dataset.classes,
        "batch_size": batch_size,
        "precision": precision,
        **({} if order_seed is None else {"order_seed": order_seed}),
    }


def all_settings(
    asked: dict[str, Any], weights_sha256: str, certificate: Certificate
) -> dict[str, Any]:
    """Those and what was loaded: weights, versions, and what the canaries came to."""
    versions = certificate.versions
    framework = asked["framework"]
    return {
        **asked,
        "weights_sha256": weights_sha256,
        "framework_version": versions[framework],
        "opencv": versions["opencv"],
        "numpy": versions["numpy"],
        **{name: versions[name] for name in ("pillow",) if name in versions},
        "ppim_port": __version__,
        "canaries": certificate.canaries,
    }


def dataset_digest(pairs: Iterable[tuple[str, int]]) -> str:
    """The sha256 of ids and labels, in hex: not of the layout or the place.

    In the order of the ids, whatever order a run takes them in.
    """
    digest = hashlib.sha256()
    for name, label in pairs:
        # A zero byte ends a name: none can hold one, but any may hold a newline.
        digest.update(name.encode("utf-8", "surrogateescape"))
        digest.update(f"\0{label}\n".encode())
    return digest.hexdigest()
