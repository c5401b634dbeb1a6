"""An evaluation from pictures to verdict, with a fake net."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request
from ppim_port.checkpoint import sha256_file, write
from ppim_port.errors import ImageError, VerificationError
from ppim_port.imagenet import wnids
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST, demo_labels
from tests.support.fake_backend import FakeBackend, FakeNet
from tests.support.states import made_state, rednet

pytestmark = pytest.mark.usefixtures("fake")


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


def test_folders_and_a_list_give_the_same_answers(
    demo: Request, tmp_path: Path
) -> None:
    folders = replace(demo, val_dir=as_folders(tmp_path / "val"), val_list=None)
    results = [evaluate(request) for request in (demo, folders)]
    assert results[0].score == results[1].score
    answers = [{r.digest: (r.label, r.top5) for r in x.rows} for x in results]
    assert len(answers[0]) == DEMO_COUNT
    assert answers[0] == answers[1]


def test_a_part_of_the_set_is_scored_and_not_compared(demo: Request) -> None:
    verdict = evaluate(demo).verdict
    assert (verdict.status, verdict.exit_code) == ("partial", 0)
    assert verdict.reason.startswith("11 of the 50,000 validation pictures")


@pytest.fixture
def whole(demo: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A validation set of six pictures, two of each of three classes."""
    for name, size in (("CLASSES", 3), ("PICTURES_A_CLASS", 2), ("PICTURES", 6)):
        monkeypatch.setattr(f"eval.gate.{name}", size)
    truth = tuple(n % 3 for n in range(6))
    monkeypatch.setattr("eval.dataset.truth.val_labels", lambda: truth)
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
        logits[4:5] = np.nan
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
    with pytest.raises(VerificationError, match=f"{fifth}: .*not finite") as caught:
        evaluate(demo, watch=watch)
    # While the error is alive nothing but we can have closed the bar.
    assert caught.tb is not None
    assert closed == [11]


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
