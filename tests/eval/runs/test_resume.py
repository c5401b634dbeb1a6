"""A run killed anywhere goes on and ends with the bytes of one that was not."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.journal import LEDGER_NAME, RunLock, read_ledger
from eval.pipeline import evaluate
from eval.records import Request
from eval.report import RESULT_NAME, result_object
from ppim_port.errors import DatasetError, ImageError, LedgerError
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.runs.made_runs import BATCH, COUNT, ledger_of, made_pictures, program
from tests.support.fake_backend import FakeBackend, FakeNet


class Other(FakeBackend):
    """A processor that rounds otherwise."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        logits: Array = super().predict(model, images) * np.float32(1 + 2**-20)
        return logits


SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
CANARIES = 3
# Of a first start: the header is the first write, so the second is a batch's.
KILLS = 20


def died(request: Request, death: tuple[int, int, str], seen: Path) -> None:
    with program(request, death=death, seen=seen) as process:
        _, text = process.communicate(timeout=60)
    number = -getattr(signal, death[2])
    assert process.returncode == (130 if death[2] == "SIGINT" else number), text


def test_killed_at_twenty_points_the_ledger_is_an_unbroken_ones(
    small: Request, unbroken: bytes, tmp_path: Path
) -> None:
    small, seen = replace(small, batch_size=1), tmp_path / "seen"
    folder = tmp_path / "one"
    evaluate(replace(small, run=folder))
    for kill in range(KILLS):
        # Two writes a start: the first batch is sealed, and within the second it dies.
        died(small, (3 if kill == 0 else 2, kill * 51, SIGNALS[kill % 3]), seen)
    assert small.run is not None
    assert len(read_ledger(small.run / LEDGER_NAME).rows) == KILLS
    with program(small, seen=seen) as process:
        assert process.communicate(timeout=60)[1] == ""
    assert ledger_of(small.run) == ledger_of(folder)
    # Each start lost one picture, the one that was not sealed, and no other.
    starts = 2 * CANARIES * (KILLS + 1)
    assert len(seen.read_text().splitlines()) == COUNT + KILLS + starts


@pytest.mark.usefixtures("fake")
def test_a_run_resumed_in_process_scores_the_rest_alone(
    small: Request, unbroken: bytes
) -> None:
    def stop(stream, total):  # type: ignore[no-untyped-def]
        yield next(stream)
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(small, watch=stop)
    result = evaluate(small)
    assert result.scored == COUNT - 2 * BATCH
    assert result.score.n == len(result.rows) == COUNT
    assert small.run is not None
    assert ledger_of(small.run) == unbroken


@pytest.mark.usefixtures("fake")
def test_a_finished_run_is_given_back_without_a_model(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(small)

    def no_model(name: str) -> object:
        pytest.fail("a finished run needs no framework")

    monkeypatch.setattr("eval.prepare.get_backend", no_model)
    again = evaluate(small)
    assert result_object(again) == result_object(first)
    assert again.rows == first.rows


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_other_settings_is_refused_and_kept(
    small: Request, finished: bool
) -> None:
    evaluate(small)
    assert small.run is not None
    if not finished:
        (small.run / RESULT_NAME).unlink()
    before = ledger_of(small.run)
    with pytest.raises(LedgerError, match="batch_size: 2 there, 5 now"):
        evaluate(replace(small, batch_size=5))
    assert ledger_of(small.run) == before


@pytest.mark.usefixtures("fake")
def test_other_pictures_are_other_settings(small: Request, tmp_path: Path) -> None:
    evaluate(small)
    with pytest.raises(LedgerError, match=r"dataset: .*\n.*pictures: 23 there, 24 now"):
        evaluate(replace(small, val_dir=made_pictures(tmp_path / "more", 24)))


@pytest.mark.usefixtures("fake")
def test_a_machine_that_computes_other_bits_does_not_go_on(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(small)
    assert small.run is not None
    (small.run / RESULT_NAME).unlink()

    use_backend(monkeypatch, Other)
    with pytest.raises(LedgerError, match="canaries"):
        evaluate(small)


@pytest.mark.usefixtures("fake")
def test_two_runs_in_one_folder_are_refused(small: Request) -> None:
    assert small.run is not None
    with (
        RunLock(small.run, 1),
        pytest.raises(LedgerError, match="another run is writing"),
    ):
        evaluate(small)
    assert not (small.run / LEDGER_NAME).exists()
    evaluate(small)


@pytest.mark.usefixtures("fake")
def test_a_place_that_takes_no_folder_is_refused_first(
    small: Request, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run")):
        with pytest.raises(LedgerError, match="cannot be used as a run folder"):
            evaluate(replace(small, run=folder))


@pytest.mark.usefixtures("fake")
def test_a_vanished_picture_ends_the_run_and_its_return_finishes_it(
    made_weights: Path, tmp_path: Path, unbroken: bytes, small: Request
) -> None:
    root = made_pictures(tmp_path / "val")
    request = replace(small, val_dir=root)
    lost = root / "n01443537" / "7.png"
    data = lost.read_bytes()

    def vanish(stream, total):  # type: ignore[no-untyped-def]
        lost.unlink(missing_ok=True)
        yield from stream

    with pytest.raises(ImageError, match=r"7\.png.*cannot be read"):
        evaluate(request, watch=vanish)
    with pytest.raises((LedgerError, DatasetError)):
        evaluate(request)
    lost.write_bytes(data)
    evaluate(request)
    assert request.run is not None
    assert ledger_of(request.run) == unbroken


def test_a_full_disk_is_said_and_what_was_sealed_goes_on(
    small: Request, unbroken: bytes, tmp_path: Path
) -> None:
    assert small.run is not None
    with program(small, seen=tmp_path / "seen", limit=4000) as process:
        _, text = process.communicate(timeout=60)
    assert process.returncode == 3, text
    assert "File too large" in text
    assert "free the disk and run the same command again" in text
    assert "Traceback" not in text
    with program(small, seen=tmp_path / "seen") as process:
        process.communicate(timeout=60)
    assert ledger_of(small.run) == unbroken
