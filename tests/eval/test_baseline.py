"""`--baseline`, `--quick`, `--junit` and `--github`, through the command line."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from eval.cli import main
from eval.journal import Journal, read_ledger
from ppim_port.errors import DatasetError
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST
from tests.support.fake_backend import FakeBackend, FakeNet

ADVICE = ("to find the cause:", "to accept it as baseline:")


class Other(FakeBackend):
    """The fake net with its classes turned round: every answer flips."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        return np.roll(super().predict(model, images), 7, axis=1)


@pytest.fixture
def usual(made_weights: Path, fake: None) -> list[str]:
    argv = ["--model", "rednet26", "--weights", str(made_weights), "--quiet"]
    return [*argv, "--val-dir", str(DEMO), "--val-list", str(DEMO_LIST)]


@pytest.fixture
def baseline(usual: list[str], tmp_path: Path) -> Path:
    assert main([*usual, "--run", str(tmp_path / "base")]) == 0
    return tmp_path / "base"


def test_the_same_net_passes_against_its_baseline(
    usual: list[str], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main([*usual, "--baseline", str(baseline), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["baseline"]
    assert (found["verdict"], found["flips"], found["n"]) == ("pass", [], DEMO_COUNT)
    assert (found["path"], found["agreement"]) == (str(baseline), 1.0)


def test_another_net_fails_with_the_flips_and_the_commands_that_help(
    usual: list[str],
    baseline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(monkeypatch, Other)
    capsys.readouterr()
    run = tmp_path / "it's new"
    argv = [*usual, "--baseline", str(baseline), "--run", str(run)]
    assert main(argv) == 1
    out = capsys.readouterr().out
    assert f"{DEMO_COUNT} of {DEMO_COUNT} first classes flipped (budget 1)" in out
    assert out.count(".jpg  ") >= DEMO_COUNT
    told = out.splitlines()
    find, accept = (next(x for x in told if x.startswith(y)) for y in ADVICE)
    # The baseline is another net's: no single mistake gives its logits.
    assert told[-1].startswith("cause  none found: no single change explains the run")
    doctor = shlex.split(find.partition(":")[2])
    assert doctor[:4] == ["evaluate", "doctor", "--model", "rednet26"]
    program, *words = shlex.split(accept.partition(":")[2])
    assert (program, words[0]) == ("cp", "--")
    shutil.copy(*words[1:])
    assert main([*usual, "--baseline", str(baseline)]) == 0


def test_a_budget_lets_flips_pass(
    usual: list[str], baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, Other)
    argv = [*usual, "--no-doctor", "--baseline", str(baseline), "--max-flips"]
    assert main([*argv, str(DEMO_COUNT)]) == 0
    assert main([*argv, str(DEMO_COUNT - 1)]) == 1


def test_a_baseline_of_other_pictures_is_bad_input(
    usual: list[str], baseline: Path, tmp_path: Path
) -> None:
    rows = read_ledger(baseline / "ledger.jsonl").rows
    with Journal(tmp_path / "part", {}) as journal:
        journal.append(rows[1:])
    assert main([*usual, "--baseline", str(tmp_path / "part")]) == 3


def test_junit_and_annotations_hold_every_gate(
    usual: list[str],
    baseline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(monkeypatch, Other)
    monkeypatch.setattr("eval.work.missing_from_whole", lambda dataset: None)
    junit = tmp_path / "gates.xml"
    argv = [*usual, "--baseline", str(baseline), "--junit", str(junit), "--github"]
    argv.append("--no-doctor")
    assert main(argv) == 1
    suite = ElementTree.parse(junit).getroot()
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {
        "published": ["failure"],
        "baseline": ["failure"],
        "published: ppim docs": ["skipped"],
        "published: ppim article": ["skipped"],
        "published: PaddleClas docs": ["skipped"],
    }
    assert (suite.get("tests"), suite.get("failures")) == ("5", "2")
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("::")]
    assert [line.split()[0] for line in lines].count("::error") == 2
    assert len(lines) == 5
    assert lines[1].startswith("::error title=rednet26 baseline::11 of 11 first")


def test_quick_stops_and_says_how_many_it_saw_and_in_which_order(
    usual: list[str],
    baseline: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(monkeypatch, Other)
    capsys.readouterr()
    argv = [*usual, "--baseline", str(baseline), "--quick", "--batch-size", "2"]
    assert main([*argv, "--no-doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["n"]) == ("fail", 2)
    assert found["quick"] == {"seen": 2, "total": 11, "alpha": 0.0, "seed": 2012}
    assert found["verdict_reason"].startswith("quick, after 2 of 11 pictures: ")


def test_quick_of_the_same_net_sees_all_and_passes(
    usual: list[str], baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    argv = [*usual, "--baseline", str(baseline), "--quick", "--max-flips", "0"]
    assert main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["baseline"]["verdict"]) == (DEMO_COUNT, "pass")
    assert "quick" not in found


def test_quick_with_a_folder_keeps_a_sample_and_the_run_makes_it_whole(
    usual: list[str],
    baseline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(monkeypatch, Other)
    run = tmp_path / "quick"
    argv = [*usual, "--baseline", str(baseline), "--run", str(run), "--no-doctor"]
    assert main([*argv, "--quick", "--batch-size", "2"]) == 1
    assert (run / "sample.json").exists()
    # A part is nobody's baseline.
    assert main([*usual, "--baseline", str(run), "--no-doctor"]) == 3
    assert "only in the second" in capsys.readouterr().err
    assert main([*argv, "--batch-size", "2", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["scored"]) == (DEMO_COUNT, DEMO_COUNT - 2)
    assert len(found["baseline"]["flips"]) == DEMO_COUNT
    assert (run / "result.json").exists()


def test_a_failed_gate_names_its_cause(
    usual: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = json.loads(Path("weights.json").read_text())["recipes"]["rednet-official"]
    swapped = tmp_path / "swapped.json"
    swapped.write_text(json.dumps({**fields, "channel_order": "bgr"}))
    base = tmp_path / "swapped"
    assert main([*usual, "--recipe", str(swapped), "--run", str(base)]) == 0
    argv = [*usual, "--baseline", str(base), "--max-flips", "0"]
    capsys.readouterr()
    assert main(argv) == 1
    assert "\ncause  channels: red and blue are swapped" in capsys.readouterr().out
    assert main([*argv, "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["baseline"]["verdict"] == "fail"
    assert "cause  channels: " in captured.err
    assert main([*argv, "--no-doctor"]) == 1
    assert "cause  channels" not in capsys.readouterr().out


def test_a_doctor_who_cannot_look_does_not_cost_the_verdict(
    usual: list[str],
    baseline: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def ill(*_: object, **__: object) -> None:
        message = "no pictures left"
        raise DatasetError(message)

    use_backend(monkeypatch, Other)
    monkeypatch.setattr("eval.aftermath.examine", ill)
    assert main([*usual, "--baseline", str(baseline)]) == 1
    out = capsys.readouterr().out
    assert "verdict  PARTIAL" in out
    assert out.splitlines()[-1] == "cause  not looked for: no pictures left"


def test_quick_has_nothing_to_decide_on_a_part_without_a_baseline(
    usual: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*usual, "--quick"]) == 2
    assert "nothing to decide: 11 of the 50,000" in capsys.readouterr().err
    assert main([*usual, "--quick", "--run", str(tmp_path / "r")]) == 2
