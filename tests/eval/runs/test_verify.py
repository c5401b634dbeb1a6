"""`evaluate verify` believes nothing that it cannot recompute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from eval.journal import LEDGER_NAME, Journal, read_ledger
from eval.pipeline import evaluate
from eval.records import Request, Row
from eval.report import RESULT_NAME, object_text, with_seal
from eval.verification import verify
from ppim_port.errors import LedgerError, PpimError, VerificationError
from tests.eval.runs.made_runs import COUNT

# Two of each: a step of one takes a minute and found nothing else.
STEP = 13


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a result as a forger would who knows the seal."""
    path = folder / RESULT_NAME
    found = json.loads(path.read_text())
    change(found)
    path.write_text(object_text(with_seal(found)) + "\n")


def resealed(folder: Path, change: Callable[[Row], Row]) -> None:
    """Change the rows of a ledger and give it a chain that fits."""
    sealed = read_ledger(folder / LEDGER_NAME)
    (folder / LEDGER_NAME).unlink()
    with Journal(folder, sealed.settings) as journal:
        for start in range(0, COUNT, 2):
            journal.append([change(row) for row in sealed.rows[start : start + 2]])


def test_a_finished_run_verifies_without_a_model(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppim_port.backends.import_module", None)
    assert main(["verify", str(run)]) == 0
    assert f"pictures {COUNT}, each once" in capsys.readouterr().out
    assert main(["verify", str(run / LEDGER_NAME)]) == 0
    assert "the ledger alone" in capsys.readouterr().out


@pytest.mark.parametrize("name", [LEDGER_NAME, RESULT_NAME])
def test_one_flipped_bit_anywhere_is_seen(name: str, run: Path) -> None:
    path = run / name
    whole = path.read_bytes()
    verify(run)
    for place in range(0, len(whole), STEP):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 7
        path.write_bytes(flipped)
        with pytest.raises(PpimError) as caught:
            verify(run)
        assert caught.value.exit_code in (1, 3), place


@pytest.mark.parametrize("name", [LEDGER_NAME, RESULT_NAME])
def test_every_truncation_is_damage(name: str, run: Path) -> None:
    path = run / name
    whole = path.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(LedgerError):
            verify(run)


def test_a_ledger_that_lost_whole_batches_is_unfinished(run: Path) -> None:
    path = run / LEDGER_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    with pytest.raises(LedgerError, match="2 of 23 pictures are sealed"):
        verify(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 24),
        ("top1_correct", 3),
        ("top5_correct", 9),
        ("top1", 99.5),
        ("top5", 99.5),
        ("images_per_second", 1.0),
        ("scored", 1),
        ("verdict", "pass"),
        ("verdict_reason", "fine"),
        ("ledger", "0" * 64),
        ("dataset", "0" * 64),
        ("recipe", "another"),
        ("batch_size", 4),
        ("comparisons", [{}]),
        ("near_ties", {"within": 0.0, "pictures": ["a"]}),
        ("weights", {"path": "w", "sha256": "0"}),
        ("versions", {"numpy": "1"}),
    ],
)
def test_a_forged_number_is_seen_though_the_seal_fits(
    name: str, value: object, run: Path
) -> None:
    rewritten(run, lambda found: found.update({name: value}))
    with pytest.raises(VerificationError) as caught:
        verify(run)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("name", ["n", "certificate", "seconds", "verdict", "seal"])
def test_a_missing_entry_is_seen(name: str, run: Path) -> None:
    path = run / RESULT_NAME
    found = json.loads(path.read_text())
    del found[name]
    path.write_text(object_text(found) + "\n")
    with pytest.raises(PpimError, match=name if name != "seal" else "its seal"):
        verify(run)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda row: replace(row, rank=2), "is not the label's|among the largest"),
        (lambda row: replace(row, rank=1000), "rank 1000 of 1000 classes"),
        (lambda row: replace(row, label=7), "the header says another data set"),
        (lambda row: replace(row, log_sum_exp=1e9), "log_sum_exp does not fit"),
        (lambda row: replace(row, log_sum_exp=-1e9), "log_sum_exp does not fit"),
        (lambda row: replace(row, logits=row.logits[::-1]), "not in order"),
        (lambda row: replace(row, top5=(1000, *row.top5[1:])), r"outside 0\.\.999"),
        (lambda row: replace(row, id="same"), "a picture is there twice"),
    ],
)
def test_rows_that_cannot_be_are_seen_though_the_chain_fits(
    change: Callable[[Row], Row], problem: str, run: Path
) -> None:
    (run / RESULT_NAME).rename(run / "old.json")
    resealed(run, change)
    with pytest.raises(VerificationError, match=problem):
        verify(run / LEDGER_NAME)


def test_a_damaged_finished_run_is_not_printed_again(run: Path, small: Request) -> None:
    rewritten(run, lambda found: found.update(top1_correct=22))
    with pytest.raises(VerificationError, match="top1_correct: 22, but"):
        evaluate(small)


def test_a_lost_result_is_made_anew_from_the_ledger(run: Path, small: Request) -> None:
    path = run / RESULT_NAME
    before = json.loads(path.read_text())
    path.unlink()
    result = evaluate(small)
    after = json.loads(path.read_text())
    assert result.scored == 0
    varying = {"seconds", "scored", "timing", "images_per_second", "seal"}
    assert {k: v for k, v in after.items() if k not in varying} == {
        k: v for k, v in before.items() if k not in varying
    }
    assert after["images_per_second"] == 0.0


@pytest.mark.parametrize(("what", "code"), [("none", 3), ("forged", 1), ("cut", 3)])
def test_exit_codes(
    what: str, code: int, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "forged":
        rewritten(run, lambda found: found.update(n=1))
    if what == "cut":
        (run / RESULT_NAME).write_text("{")
    place = run / "none" if what == "none" else run
    assert main(["verify", str(place)]) == code
    assert capsys.readouterr().out == ""
