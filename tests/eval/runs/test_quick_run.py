"""`--quick --run`: a part that says so, and that any later run makes whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.cli import main
from eval.journal import LEDGER_NAME, read_ledger
from eval.order import SEED
from eval.pipeline import evaluate, evaluate_shard
from eval.quick import evaluate_quick
from eval.records import Request, Result, Row
from eval.report import RESULT_NAME, SAMPLE_NAME, object_text, with_seal
from eval.verification import verify
from ppim_port.errors import LedgerError, VerificationError
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.runs.made_runs import BATCH, COUNT, Apart, ledger_of, run_ranks
from tests.support.fake_backend import FakeNet

pytestmark = pytest.mark.usefixtures("fake")
# With no flip allowed, the first batch decides against a net whose answers all flip.
FEW = BATCH


class Other(Apart):
    """Every answer flips."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        return np.roll(super().predict(model, images), 7, axis=1)


@pytest.fixture
def rows(finished: Path) -> tuple[Row, ...]:
    """A trusted net's rows."""
    return read_ledger(finished / LEDGER_NAME).rows


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, Other)


def quick(request: Request, rows: tuple[Row, ...], **options: Any) -> Result:
    return evaluate_quick(request, baseline=rows, max_flips=0, **options)[0]


def folder_of(request: Request) -> Path:
    assert request.run is not None
    return request.run


@pytest.fixture
def sample(small: Request, rows: tuple[Row, ...], other: None) -> Path:
    """A folder that a quick verdict ended."""
    quick(small, rows)
    return folder_of(small)


def test_an_early_end_leaves_a_sample_and_no_result(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not (sample / RESULT_NAME).exists()
    found = json.loads((sample / SAMPLE_NAME).read_text())
    assert (found["n"], found["verdict"]) == (FEW, "fail")
    assert found["quick"]["seen"] == FEW
    assert found["quick"]["total"] == COUNT
    header = read_ledger(sample / LEDGER_NAME).settings
    assert (header["order_seed"], header["pictures"]) == (SEED, COUNT)
    assert main(["verify", str(sample)]) == 0
    out = capsys.readouterr().out
    assert f"pictures {FEW} of {COUNT}, each once" in out
    assert "a sample, not the whole set" in out


def test_the_same_command_again_scores_nothing_more(
    sample: Path, small: Request, rows: tuple[Row, ...]
) -> None:
    before = ledger_of(sample)
    again = quick(small, rows)
    assert (again.scored, again.score.n) == (0, FEW)
    assert again.verdict.status == "fail"
    assert ledger_of(sample) == before


def test_another_question_goes_on_after_what_was_scored(
    sample: Path, small: Request, rows: tuple[Row, ...]
) -> None:
    result, early = evaluate_quick(small, baseline=rows, max_flips=FEW)
    assert result.score.n > FEW
    assert result.scored == result.score.n - FEW
    assert early is not None
    assert verify(sample).sample


@pytest.fixture
def whole(small: Request, tmp_path: Path, rows: tuple[Row, ...], other: None) -> bytes:
    """The ledger of a quick run that took every picture, in one go."""
    mine = [replace(row) for row in evaluate(replace(small, run=None)).rows]
    result, early = evaluate_quick(
        replace(small, run=tmp_path / "whole"), baseline=mine, max_flips=0
    )
    assert (early, result.score.n) == (None, COUNT)
    assert (tmp_path / "whole" / RESULT_NAME).exists()
    assert not (tmp_path / "whole" / SAMPLE_NAME).exists()
    return ledger_of(tmp_path / "whole")


def test_without_quick_the_same_command_scores_the_rest_alone(
    sample: Path, small: Request, whole: bytes
) -> None:
    result = evaluate(small)
    assert (result.score.n, result.scored) == (COUNT, COUNT - FEW)
    assert ledger_of(sample) == whole
    assert not (sample / SAMPLE_NAME).exists()
    assert not verify(sample).sample
    by_id = evaluate(replace(small, run=None))
    assert sorted(result.rows, key=lambda row: row.id) == list(by_id.rows)


@pytest.mark.parametrize("world", [2, 3])
def test_any_number_of_ranks_make_a_sample_whole(
    world: int, sample: Path, small: Request, whole: bytes
) -> None:
    assert run_ranks(small, world)[-1] is not None
    assert ledger_of(sample) == whole
    assert not (sample / SAMPLE_NAME).exists()


def test_a_whole_run_killed_on_the_way_is_no_sample_any_more(
    sample: Path, small: Request, whole: bytes
) -> None:
    def stop(stream, total):  # type: ignore[no-untyped-def]
        yield next(stream)
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(small, watch=stop)
    with pytest.raises(LedgerError, match=f"{3 * BATCH} of {COUNT} pictures"):
        verify(sample)
    evaluate(small)
    assert ledger_of(sample) == whole


def test_a_quick_run_killed_on_the_way_goes_on_to_the_same_sample(
    small: Request, rows: tuple[Row, ...], tmp_path: Path, other: None
) -> None:
    undisturbed = replace(small, run=tmp_path / "undisturbed")
    budget = 6
    evaluate_quick(undisturbed, baseline=rows, max_flips=budget)

    def stop(stream, total):  # type: ignore[no-untyped-def]
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_quick(small, baseline=rows, max_flips=budget, watch=stop)
    evaluate_quick(small, baseline=rows, max_flips=budget)
    assert ledger_of(folder_of(small)) == ledger_of(folder_of(undisturbed))
    assert verify(folder_of(small)).sample


def test_a_finished_run_answers_a_quick_question_whole(
    run: Path, small: Request, rows: tuple[Row, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.prepare.get_backend", None)
    result, early = evaluate_quick(small, baseline=rows)
    assert (early, result.score.n) == (None, COUNT)


def test_an_unfinished_run_in_the_order_of_ids_is_refused_and_kept(
    run: Path, small: Request, rows: tuple[Row, ...]
) -> None:
    (run / RESULT_NAME).unlink()
    before = ledger_of(run)
    with pytest.raises(LedgerError, match=f"order_seed: None there, {SEED} now"):
        quick(small, rows)
    assert ledger_of(run) == before


def test_ranks_with_quick_are_told_why_not_and_what_to_do(
    small: Request,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    argv = ["--model", small.model, "--val-dir", str(small.val_dir), "--quick"]
    assert main([*argv, "--run", str(small.run)]) == 2
    text = capsys.readouterr().err
    assert "its verdict looks at every batch in turn" in text
    assert "Start it without the launcher" in text


@pytest.fixture
def against_published(
    small: Request, monkeypatch: pytest.MonkeyPatch, other: None
) -> Path:
    """A sample that the published figures decided, of a set that passes for whole."""
    monkeypatch.setattr("eval.quick.missing_from_whole", lambda dataset: None)
    result, early = evaluate_quick(small)
    assert early is not None
    assert result.score.n < COUNT
    return folder_of(small)


def test_a_verdict_against_published_figures_is_recomputed(
    against_published: Path,
) -> None:
    path = against_published / SAMPLE_NAME
    assert verify(against_published).sample
    found = json.loads(path.read_text())
    for change in (
        {"verdict": "pass"},
        {"verdict_reason": "quick"},
        {"quick": {**found["quick"], "seen": 1}},
        {"quick": {**found["quick"], "within": [[0, COUNT], [0, COUNT]]}},
        {"top1_correct": 1 + found["top1_correct"]},
    ):
        path.write_text(object_text(with_seal({**found, **change})) + "\n")
        with pytest.raises(VerificationError):
            verify(against_published)


def test_an_order_that_the_header_does_not_say_is_seen(
    whole: bytes, tmp_path: Path
) -> None:
    from eval.journal import Journal

    sealed = read_ledger(tmp_path / "whole" / LEDGER_NAME)
    settings = {k: v for k, v in sealed.settings.items() if k != "order_seed"}
    with Journal(tmp_path / "plain", settings) as journal:
        for at in range(0, COUNT, BATCH):
            journal.append(sealed.rows[at : at + BATCH])
    with pytest.raises(VerificationError, match="not in the order"):
        verify(tmp_path / "plain" / LEDGER_NAME)


def test_a_report_of_a_sample_names_it_in_its_verdict(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(sample)]) == 0
    assert f"quick, after {FEW} of {COUNT} pictures" in capsys.readouterr().out


def test_a_shard_rank_does_not_take_a_sample_for_a_result(
    sample: Path, small: Request
) -> None:
    from eval.launch import Shard

    assert evaluate_shard(small, Shard(1, 2)) is None
    assert not (sample / RESULT_NAME).exists()
