"""Whoever takes `--val-dir` takes the same options beside it, and obeys them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.cli import main
from eval.commands import COMMANDS
from eval.matrix import Cell, Outcome
from eval.options import parser
from eval.protocols import NAMES, protocol
from ppim_port.commands import load_command
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST, demo_labels
from tests.support.fake_backend import FakeBackend, FakeNet

SHARED = {"--val-dir", "--val-list", "--layout", "--protocol", "--recipe"}
PICTURES = ["--val-dir", str(DEMO), "--val-list", str(DEMO_LIST)]
WITH_PICTURES = {"evaluate", "check", "doctor", "matrix", "parity"}


def actions(name: str) -> dict[str, Any]:
    found = parser() if name == "evaluate" else load_command(COMMANDS, name).parser()
    return {word: action for action in found._actions for word in action.option_strings}


def test_every_command_that_takes_pictures_takes_the_same_options() -> None:
    takers = {n for n in (*COMMANDS, "evaluate") if "--val-dir" in actions(n)}
    assert takers == WITH_PICTURES
    wanted = actions("evaluate")
    for name in takers - {"evaluate"}:
        found = actions(name)
        # Of these two: many recipes at once; and a recipe only for its decoder.
        own = {"--recipe"} if name in ("matrix", "check") else set()
        assert found.keys() >= SHARED - {"--recipe"}
        assert ("--recipes" if name == "matrix" else "--recipe") in found
        for option in SHARED - own:
            mine, others = found[option], wanted[option]
            same = ("help", "choices", "default", "type", "metavar", "required")
            for what in same:
                assert getattr(mine, what) == getattr(others, what), (name, option)


@pytest.fixture
def inside(tmp_path: Path) -> list[str]:
    """The demo's pictures of ImageNet-R's classes."""
    classes = protocol("imagenet-r").classes or ()
    kept = [f"{n} {label}\n" for n, label in demo_labels().items() if label in classes]
    assert 1 < len(kept) < DEMO_COUNT
    (tmp_path / "inside.txt").write_text("".join(kept))
    return ["--val-dir", str(DEMO), "--val-list", str(tmp_path / "inside.txt")]


def net(weights: Path) -> list[str]:
    return ["--model", "rednet26", "--weights", str(weights), "--quiet"]


@pytest.mark.usefixtures("fake")
def test_a_protocol_by_its_name_restricts_the_classes_and_is_stated(
    inside: list[str],
    made_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = [*net(made_weights), *inside, "--run", str(tmp_path / "run"), "--json"]
    assert main([*argv, "--protocol", "imagenet-r"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["protocol"], found["verdict"]) == ("imagenet-r", "not-comparable")
    assert found["verdict_reason"].startswith(
        f"{found['n']} of the 30,000 pictures of the test set imagenet-r over 200 cla"
    )
    lines = (tmp_path / "run" / "ledger.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if "top5" in row]
    classes = set(protocol("imagenet-r").classes or ())
    assert rows
    assert all(set(row["top5"]) <= classes for row in rows)
    assert main(["verify", str(tmp_path / "run")]) == 0


COMMAND_LINES: dict[str, list[str]] = {
    "evaluate": ["--model", "rednet26"],
    "check": ["check"],
    "doctor": ["doctor", "--model", "rednet26"],
    "parity": ["parity", "--model", "rednet26"],
    "matrix": ["matrix", "--models", "rednet26", "--run", "unused"],
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_an_unknown_protocol_is_a_usage_error_with_suggestions(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*COMMAND_LINES[name], *PICTURES, "--protocol", "imagenet-v2"]
    assert main(argv) == 2
    text = capsys.readouterr().err
    assert "Unknown protocol 'imagenet-v2'. Did you mean imagenet-" in text
    assert all(known in text for known in NAMES)


def test_the_set_of_test_commands_is_whole() -> None:
    assert COMMAND_LINES.keys() == WITH_PICTURES


@pytest.mark.parametrize("name", ["check", "doctor", "parity", "evaluate"])
@pytest.mark.usefixtures("fake")
def test_pictures_outside_of_a_protocol_are_refused_by_every_command(
    name: str, made_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = [] if name == "check" else ["--weights", str(made_weights)]
    argv = [*COMMAND_LINES[name], *weights, *PICTURES, "--protocol", "imagenet-a"]
    assert main(argv) == 3
    assert "outside of the 200 of imagenet-a" in capsys.readouterr().err


def test_check_counts_the_pictures_of_the_protocol(
    inside: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *inside, "--protocol", "imagenet-r", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["protocol"], found["whole_set"]) == ("imagenet-r", False)
    assert "of the 30,000 pictures of the test set imagenet-r" in found["missing"]


def test_check_decodes_as_the_recipe_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv2.imdecode", None)
    argv = ["check", *PICTURES, "--workers", "1"]
    assert main([*argv, "--recipe", "torchvision-pil"]) == 0
    with pytest.raises(TypeError):
        main(argv)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("masked", [True, False])
def test_the_doctor_answers_from_the_classes_of_the_protocol(
    masked: bool,
    inside: list[str],
    made_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = ["--protocol", "imagenet-r"]
    run = str(tmp_path / "run")
    assert main([*net(made_weights), *inside, *chosen, "--run", run]) == 0
    argv = ["doctor", *net(made_weights), *inside, "--baseline", run, "--json"]
    capsys.readouterr()
    assert main([*argv, *(chosen if masked else [])]) == 0
    best = json.loads(capsys.readouterr().out)["findings"][0]
    assert (best["variant"], best["distance"]) == ("as-is", 0.0)
    everywhere = 1000 if not masked else 200
    # A net that knows nothing is as uncertain as there are classes.
    assert best["nll"] == pytest.approx(np.log(everywhere), abs=1.5)


class Outside(FakeBackend):
    """Another net outside of ImageNet-R's classes, the same inside of them."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        logits = super().predict(model, images)
        if self.name == "torch":
            logits[:, 0] += 100
        return logits


def test_parity_is_over_the_classes_of_the_protocol(
    inside: list[str],
    made_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_backend(monkeypatch, Outside)
    monkeypatch.setattr("eval.players.get_backend", Outside)
    argv = ["parity", *net(made_weights), *inside, "--json"]
    assert 0 not in (protocol("imagenet-r").classes or ())
    assert main([*argv, "--protocol", "imagenet-r"]) == 0
    assert json.loads(capsys.readouterr().out)["largest"] < 1e-6
    assert main(argv) == 1


def test_every_cell_of_a_matrix_gets_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def note(cell: Cell, folder: Path, options: list[str]) -> Outcome:
        seen.extend(options)
        return Outcome(cell, 0, None)

    monkeypatch.setattr("eval.matrix.run_cell", note)
    argv = ["matrix", "--models", "rednet26", "--run", str(tmp_path), *PICTURES]
    argv += ["--frameworks", "torch", "--layout", "list", "--protocol", "imagenet-r"]
    assert main(argv) == 0
    assert {"--layout=list", "--protocol=imagenet-r"} <= set(seen)
    parsed = parser().parse_args(["--model", "rednet26", *seen])
    assert (parsed.layout, parsed.protocol) == ("list", "imagenet-r")


@pytest.mark.usefixtures("fake")
def test_the_advice_after_a_failure_names_the_same_pictures_and_recipe(
    made_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = [*PICTURES, "--layout", "list", "--recipe", "torchvision-pil"]
    argv = [*net(made_weights), *same, "--no-doctor"]
    assert main([*argv, "--run", str(tmp_path / "base")]) == 0

    class Other(FakeBackend):
        def predict(self, model: FakeNet, images: Array) -> Array:
            return np.roll(super().predict(model, images), 7, axis=1)

    use_backend(monkeypatch, Other)
    capsys.readouterr()
    assert main([*argv, "--baseline", str(tmp_path / "base")]) == 1
    out = capsys.readouterr().out.splitlines()
    line = next(x for x in out if x.startswith("to find the cause:"))
    words = shlex.split(line.partition(":")[2])
    parser: Callable[[], Any] = load_command(COMMANDS, "doctor").parser
    options = parser().parse_args(words[2:])
    assert (options.layout, options.recipe) == ("list", "torchvision-pil")
