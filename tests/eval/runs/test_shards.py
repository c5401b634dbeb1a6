"""Any number of processes give the ledger of one, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval.folder import score_share
from eval.journal import RunLock, read_ledger
from eval.launch import ALONE, Shard, shard_of
from eval.pipeline import evaluate, evaluate_shard
from eval.records import Request, Result
from eval.report import RESULT_NAME
from eval.work import Work
from ppim_port.errors import LedgerError, UsageError
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST
from tests.eval.runs.made_runs import COUNT, ledger_of, program, run_ranks

LEFT = {"ledger.jsonl", "result.json", "run.lock"}


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.usefixtures("fake")
def test_any_world_size_gives_the_same_ledger(
    world: int, small: Request, unbroken: bytes
) -> None:
    *others, last = run_ranks(small, world)
    assert others == [None] * (world - 1)
    assert last is not None
    assert last.score.n == COUNT
    assert small.run is not None
    assert ledger_of(small.run) == unbroken
    assert left_in(small.run) == LEFT


@pytest.mark.usefixtures("fake")
def test_more_ranks_than_batches(small: Request, unbroken: bytes) -> None:
    assert run_ranks(small, 30)[-1] is None  # rank 11 had merged the last batch
    assert small.run is not None
    assert ledger_of(small.run) == unbroken


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("world", [1, 2, 7])
def test_a_dead_rank_leaves_a_run_that_goes_on_with_any_world_size(
    world: int, small: Request, unbroken: bytes
) -> None:
    def die(stream, total):  # type: ignore[no-untyped-def]
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_shard(small, Shard(1, 3), watch=die)
    assert run_ranks(small, 3, 0, 2) == [None, None]
    # Of 12 batches, rank 1 had four and sealed one: three of 2 pictures are missing.
    scored = [r.scored for r in run_ranks(small, world) if r is not None]
    assert scored[-1] is not None
    assert scored[-1] <= 6
    assert small.run is not None
    assert ledger_of(small.run) == unbroken
    assert left_in(small.run) == LEFT


@pytest.mark.usefixtures("fake")
def test_a_run_of_one_goes_on_as_two(small: Request, unbroken: bytes) -> None:
    def die(stream, total):  # type: ignore[no-untyped-def]
        for _ in range(5):
            yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(small, watch=die)
    assert run_ranks(small, 2)[0] is None
    assert small.run is not None
    assert ledger_of(small.run) == unbroken


@pytest.mark.usefixtures("fake")
def test_ranks_of_a_finished_run_score_nothing(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(small)
    monkeypatch.setattr("eval.prepare.get_backend", None)
    found = run_ranks(small, 3)
    assert found[0] is not None
    assert found[0].rows == first.rows
    assert found[1:] == [None, None]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (2, 3)])
def test_ranks_of_another_run_are_refused(
    first: int, second: int, small: Request
) -> None:
    assert small.run is not None
    with (
        RunLock(small.run, first),
        pytest.raises(LedgerError, match="another run"),
    ):
        evaluate_shard(small, Shard(0, second))


@pytest.mark.usefixtures("fake")
def test_a_shard_of_other_settings_is_refused(small: Request) -> None:
    run_ranks(small, 2, 0)
    with pytest.raises(LedgerError, match="batch_size: 2 there, 4 now"):
        evaluate(replace(small, batch_size=4))


def test_processes_at_the_same_time_score_each_picture_once(
    small: Request, unbroken: bytes, tmp_path: Path
) -> None:
    world, seen = 3, tmp_path / "seen"
    ranks = [
        program(
            small,
            seen=seen,
            environment={"RANK": str(rank), "WORLD_SIZE": str(world)},
        )
        for rank in range(world)
    ]
    told = [process.communicate(timeout=60) for process in ranks]
    assert [process.returncode for process in ranks] == [0] * world, told
    assert [bool(out) for out, _ in told].count(True) == 1
    assert len(seen.read_text().splitlines()) == COUNT + 6 * world  # the canaries
    assert small.run is not None
    assert ledger_of(small.run) == unbroken
    assert left_in(small.run) == LEFT


@pytest.mark.usefixtures("fake")
def test_of_two_ranks_that_end_together_one_tells_the_result(
    small: Request, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Result | None] = []

    def other_merges(work: Work, folder: Path, shard: Shard) -> None:
        score_share(work, folder, shard)
        if shard.rank == 1:
            first.append(evaluate_shard(small, Shard(0, 2)))

    monkeypatch.setattr("eval.pipeline.score_share", other_merges)
    assert evaluate_shard(small, Shard(1, 2)) is None
    assert [type(result) for result in first] == [Result]
    assert small.run is not None
    assert ledger_of(small.run) == unbroken
    assert left_in(small.run) == LEFT


def test_ranks_without_a_folder_to_meet_in_are_refused(small: Request) -> None:
    with pytest.raises(UsageError, match="pass --run-dir DIR"):
        evaluate_shard(replace(small, run=None), Shard(0, 2))


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({}, ALONE),
        ({"RANK": "1"}, ALONE),
        ({"RANK": "1", "WORLD_SIZE": "3"}, Shard(1, 3)),
        ({"PADDLE_TRAINER_ID": "2", "PADDLE_TRAINERS_NUM": "7"}, Shard(2, 7)),
    ],
)
def test_the_launcher_says_which_share_is_ours(
    environment: dict[str, str], shard: Shard
) -> None:
    assert shard_of(environment) == shard


@pytest.mark.parametrize(("rank", "world"), [("3", "3"), ("-1", "2"), ("x", "2")])
def test_a_rank_that_makes_no_sense_is_refused(rank: str, world: str) -> None:
    with pytest.raises(UsageError, match="expected a rank from 0"):
        shard_of({"RANK": rank, "WORLD_SIZE": world})


# Paddle's launcher has no -m (3.3.1): it starts what it is given, and it leaves its
# logs in the working folder.
LAUNCHERS = {
    "torch": (
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "eval",
    ),
    "paddle": (
        *("paddle.distributed.launch", "--nproc_per_node=2"),
        str(Path(sys.executable).parent / "evaluate"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("framework", LAUNCHERS)
def test_the_frameworks_own_launchers_give_the_ledger_of_one_process(
    framework: str, demo_weights: Path, tmp_path: Path
) -> None:
    options = [
        *("--model", "rednet26", "--framework", framework, "--batch-size", "2"),
        *("--val-dir", str(DEMO), "--val-list", str(DEMO_LIST), "--quiet"),
        *("--weights", str(demo_weights)),
    ]
    for name, start in (("two", LAUNCHERS[framework]), ("one", ("eval",))):
        done = subprocess.run(
            [sys.executable, "-m", *start, *options, "--run-dir", str(tmp_path / name)],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert ledger_of(tmp_path / "two") == ledger_of(tmp_path / "one")
    assert len(read_ledger(tmp_path / "two" / "ledger.jsonl").rows) == DEMO_COUNT
    found = json.loads((tmp_path / "two" / RESULT_NAME).read_text())
    assert found["top1_correct"] == DEMO_COUNT
