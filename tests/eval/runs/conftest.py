"""A request for a run over small pictures with odd names, and its true ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.pipeline import evaluate
from eval.records import Request
from tests.eval.runs.made_runs import BATCH, ledger_of, made_pictures


@pytest.fixture(scope="session")
def small_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_pictures(tmp_path_factory.mktemp("pictures") / "val")


@pytest.fixture
def small(small_pictures: Path, made_weights: Path, tmp_path: Path) -> Request:
    return Request(
        "rednet26",
        small_pictures,
        weights=made_weights,
        batch_size=BATCH,
        workers=1,
        run=tmp_path / "run",
    )


@pytest.fixture
def unbroken(fake: None, small: Request, tmp_path: Path) -> bytes:
    """The ledger of a run that nothing disturbed."""
    folder = tmp_path / "unbroken"
    evaluate(replace(small, run=folder))
    return ledger_of(folder)
