"""An evaluation from pictures to verdict, with a fake net; refusals come first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request
from ppim_port.checkpoint import sha256_file, write
from ppim_port.errors import (
    CheckpointError,
    DatasetError,
    ImageError,
    MappingError,
    PpimError,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from ppim_port.imagenet import wnids
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST, demo_labels
from tests.support.fake_backend import FakeBackend, FakeNet
from tests.support.states import made_state, rednet

pytestmark = pytest.mark.usefixtures("fake")


@pytest.fixture
def demo(made_weights: Path) -> Request:
    return Request("rednet26", DEMO, DEMO_LIST, weights=made_weights)


def as_folders(root: Path) -> Path:
    """The demo's pictures, sorted into wnid folders."""
    for name, label in demo_labels().items():
        folder = root / wnids()[label]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEMO / name, folder)
    return root


def test_every_listed_picture_is_scored_once(demo: Request) -> None:
    result = evaluate(demo)
    assert {row.id: row.label for row in result.rows} == demo_labels()
    assert [row.digest for row in result.rows] == [
        sha256_file(DEMO / row.id) for row in result.rows
    ]
    assert result.score.n == len(result.rows) == DEMO_COUNT
    assert result.weights_sha256 == sha256_file(str(demo.weights))


def test_folders_and_a_list_give_the_same_rows(demo: Request, tmp_path: Path) -> None:
    folders = replace(demo, val_dir=as_folders(tmp_path / "val"), val_list=None)
    by_digest = [
        {row.digest: replace(row, id="") for row in evaluate(request).rows}
        for request in (demo, folders)
    ]
    assert len(by_digest[0]) == DEMO_COUNT
    assert by_digest[0] == by_digest[1]


def test_a_part_of_the_set_is_scored_and_not_compared(demo: Request) -> None:
    verdict = evaluate(demo).verdict
    assert (verdict.status, verdict.exit_code) == ("partial", 0)
    assert verdict.reason.startswith("11 of the 50,000 validation pictures")


@pytest.fixture
def whole(demo: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A validation set of six pictures, two of each of three classes."""
    for name, size in (("CLASSES", 3), ("PICTURES_A_CLASS", 2), ("PICTURES", 6)):
        monkeypatch.setattr(f"eval.gate.{name}", size)
    root = tmp_path / "val"
    root.mkdir()
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 7)]
    for name, picture in zip(names, sorted(DEMO.glob("*.jpg")), strict=False):
        shutil.copy(picture, root / name)
    val_list = tmp_path / "list.txt"
    val_list.write_text("".join(f"{n} {i % 3}\n" for i, n in enumerate(names)))
    return replace(demo, val_dir=root, val_list=val_list)


@pytest.mark.parametrize(("tolerance", "code"), [(100.0, 0), (None, 1)])
def test_the_whole_set_is_compared(
    whole: Request, tolerance: float | None, code: int
) -> None:
    verdict = evaluate(replace(whole, tolerance=tolerance)).verdict
    assert verdict.status == ("fail" if code else "pass")
    assert verdict.exit_code == code
    assert len(verdict.comparisons) == 4


def test_another_classifier_is_scored_and_not_compared(
    whole: Request, tmp_path: Path
) -> None:
    path = tmp_path / "three.pdparams"
    state = made_state(rednet(num_classes=3), "paddle")
    write(state, path, kind="pdparams", framework="paddle")
    result = evaluate(replace(whole, weights=path))
    assert result.verdict.status == "not-comparable"
    assert result.verdict.reason.startswith("a classifier of 3 classes")
    assert result.score.top5_correct == result.score.n == 6


def test_what_is_not_scored_is_said(demo: Request, tmp_path: Path) -> None:
    root = shutil.copytree(DEMO, tmp_path / "val")
    (root / "notes.txt").touch()
    lines = DEMO_LIST.read_text().splitlines()
    short = tmp_path / "short.txt"
    short.write_text("\n".join(lines[:3]))
    said: list[str] = []
    evaluate(replace(demo, val_dir=root, val_list=short), say=said.append)
    assert said == [
        f"pictures: 3 in {root} (list)",
        "not in the list, and not scored: 8 pictures",
        "no pictures, passed over: notes.txt, val_list.txt",
    ]


def test_progress_sees_every_batch_in_order(demo: Request) -> None:
    seen = []

    def watch(stream, total):  # type: ignore[no-untyped-def]
        for batch in stream:
            seen.append((batch.index, len(batch.samples), total))
            yield batch

    evaluate(replace(demo, batch_size=4), watch=watch)
    assert seen == [(0, 4, 11), (1, 4, 11), (2, 3, 11)]


def broken(root: Path, name: str) -> Path:
    """The demo's folder with one picture cut short."""
    shutil.copytree(DEMO, root)
    (root / name).write_bytes((DEMO / name).read_bytes()[:2000])
    return root


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_an_unreadable_picture_ends_the_run_with_its_name(
    demo: Request, tmp_path: Path, batch_size: int
) -> None:
    root = broken(tmp_path / "val", "maze.jpg")
    with pytest.raises(ImageError, match=r"val/maze\.jpg.*cut short") as caught:
        evaluate(replace(demo, val_dir=root, batch_size=batch_size))
    assert caught.value.exit_code == 3


class NotANumber(FakeBackend):
    """A net whose logits of the fifth picture are NaN."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        logits = super().predict(model, images)
        logits[4] = np.nan
        return logits


def test_a_net_that_answers_nan_ends_the_run_with_the_picture(
    demo: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, NotANumber)
    closed = []

    def watch(stream, total):  # type: ignore[no-untyped-def]
        try:
            yield from stream
        finally:
            closed.append(total)

    fifth = sorted(demo_labels())[4]
    with pytest.raises(VerificationError, match=f"{fifth}: .*not finite"):
        evaluate(demo, watch=watch)
    assert closed == [11], "the bar must be closed before the error is told"


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


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_before_the_first_picture_is_decoded(
    kind: str, demo: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> None:
        pytest.fail("a picture was decoded")

    change, error, text = REFUSED[kind]
    monkeypatch.setattr("eval.preprocess.read_picture", decode)
    with pytest.raises(error, match=text):
        evaluate(change(demo, tmp_path))


def test_the_weights_digest_is_of_what_was_loaded(
    demo: Request, tmp_path: Path
) -> None:
    path = tmp_path / "w.pdparams"
    shutil.copy(str(demo.weights), path)
    before = sha256_file(path)

    def watch(stream, total):  # type: ignore[no-untyped-def]
        path.write_bytes(b"replaced during the run")
        yield from stream

    result = evaluate(replace(demo, weights=path), watch=watch)
    assert result.weights_sha256 == before
