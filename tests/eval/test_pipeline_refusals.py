"""What can be refused is refused before the first picture is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request
from ppim_port.checkpoint import write
from ppim_port.errors import (
    CheckpointError,
    DatasetError,
    MappingError,
    MissingPackageError,
    PpimError,
    UnknownNameError,
    UsageError,
)
from tests.support.states import made_state, rednet


def listed(text: str) -> Callable[[Request, Path], Request]:
    def change(demo: Request, tmp_path: Path) -> Request:
        path = tmp_path / "list.txt"
        path.write_text(text)
        return replace(demo, val_list=path)

    return change


def weights_of(**change: object) -> Callable[[Request, Path], Request]:
    """Other weights: another RedNet's, or with a tensor changed."""

    def changed(demo: Request, tmp_path: Path) -> Request:
        variant = str(change.get("variant", "26"))
        state = made_state(rednet(variant), "paddle")
        if "nan" in change:
            state["fc.bias"][3] = np.nan
        path = tmp_path / "w.pdparams"
        write(state, path, kind="pdparams", framework="paddle")
        return replace(demo, weights=path)

    return changed


def no_weights(demo: Request, tmp_path: Path) -> Request:
    return replace(demo, weights=tmp_path / "none.pth")


def garbage(demo: Request, tmp_path: Path) -> Request:
    path = tmp_path / "w.pth"
    path.write_bytes(b"<html>404</html>")
    return replace(demo, weights=path)


def empty_folder(demo: Request, tmp_path: Path) -> Request:
    (tmp_path / "val").mkdir()
    return replace(demo, val_dir=tmp_path / "val")


Change = Callable[[Request, Path], Request]
REFUSED: dict[str, tuple[Change, type[PpimError], str]] = {
    "model": (
        lambda d, _: replace(d, model="rednet62"),
        UnknownNameError,
        "Did you mean rednet26",
    ),
    "batch size": (
        lambda d, _: replace(d, batch_size=0),
        UsageError,
        "The batch size must be at least 1, got 0",
    ),
    "workers": (
        lambda d, _: replace(d, workers=-1),
        UsageError,
        "The workers must be at least 1, got -1",
    ),
    "tolerance": (
        lambda d, _: replace(d, tolerance=-0.1),
        UsageError,
        "The tolerance must be 0 or more",
    ),
    "tolerance nan": (
        lambda d, _: replace(d, tolerance=float("nan")),
        UsageError,
        "The tolerance must be 0 or more",
    ),
    "no weights": (no_weights, CheckpointError, "none.pth"),
    "garbage": (garbage, CheckpointError, "w.pth"),
    "another net": (weights_of(variant="38"), MappingError, "w.pdparams"),
    "nan": (weights_of(nan=True), CheckpointError, "NaN or infinities in fc.bias"),
    "no folder": (
        lambda d, p: replace(d, val_dir=p / "none"),
        DatasetError,
        "does not exist",
    ),
    "empty folder": (empty_folder, DatasetError, "the folder is empty"),
    "no list": (
        lambda d, p: replace(d, val_list=p / "none.txt"),
        DatasetError,
        "none.txt",
    ),
    "missing file": (
        listed("maze.jpg 1\ngone.jpg 2\n"),
        DatasetError,
        "1 of 2 listed pictures are not in .*'gone.jpg'",
    ),
    "label": (
        listed("maze.jpg 1000\n"),
        DatasetError,
        "label 1000 of 'maze.jpg' is not in 0..999",
    ),
    "twice": (listed("maze.jpg 1\nmaze.jpg 1\n"), DatasetError, "listed twice"),
}


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(name: str) -> bytes:
        message = "a picture was decoded"
        raise AssertionError(message)

    monkeypatch.setattr("eval.records.read_picture", decode)


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.usefixtures("fake", "no_decoding")
def test_refused_before_the_first_picture_is_decoded(
    kind: str, demo: Request, tmp_path: Path
) -> None:
    change, error, text = REFUSED[kind]
    with pytest.raises(error, match=text):
        evaluate(change(demo, tmp_path))


@pytest.mark.usefixtures("fake", "no_decoding")
def test_a_decoded_picture_would_be_seen(demo: Request) -> None:
    with pytest.raises(AssertionError, match="a picture was decoded"):
        evaluate(demo)


@pytest.mark.usefixtures("no_decoding")
def test_an_absent_framework_is_refused_before_anything_is_read(
    demo: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppim_port.backends.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"ppim-port\[torch\]"):
        evaluate(replace(no_weights(demo, tmp_path), framework="torch"))
