"""A request for a run over small pictures with odd names, and its true ledger."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eval.pipeline import evaluate
from eval.records import Request
from tests.eval.conftest import use_backend
from tests.eval.runs.made_runs import BATCH, Apart, ledger_of, made_pictures


def small_request(pictures: Path, weights: Path, folder: Path) -> Request:
    return Request(
        "rednet26", pictures, weights=weights, batch_size=BATCH, workers=1, run=folder
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere, but with the same bits in every process and batch."""
    use_backend(monkeypatch, Apart)


@pytest.fixture(scope="session")
def small_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_pictures(tmp_path_factory.mktemp("pictures") / "val")


@pytest.fixture
def small(small_pictures: Path, made_weights: Path, tmp_path: Path) -> Request:
    return small_request(small_pictures, made_weights, tmp_path / "run")


@pytest.fixture(scope="session")
def finished(
    small_pictures: Path, made_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run that nothing disturbed; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        use_backend(patch, Apart)
        evaluate(small_request(small_pictures, made_weights, folder))
    return folder


@pytest.fixture
def run(fake: None, finished: Path, small: Request) -> Path:
    """A finished run of one's own."""
    assert small.run is not None
    return shutil.copytree(finished, small.run)


@pytest.fixture
def unbroken(fake: None, finished: Path) -> bytes:
    """The ledger of a run that nothing disturbed."""
    return ledger_of(finished)
