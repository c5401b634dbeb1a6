"""The program as typed: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import convert as package
from convert.cli import main
from ppim_port.checkpoint import sha256_file
from ppim_port.mapping import Mapping, apply
from ppim_port.state_dict import StateDict
from ppim_port.version import __version__
from tests.convert.conftest import Ran
from tests.convert.made import listing

Run = Callable[..., Ran]
Words = tuple[object, ...]

SCRIPTS = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


@pytest.fixture
def words(official: Path, tmp_path: Path) -> Words:
    return ("rednet26", "--checkpoint", official, "--out", tmp_path)


def test_json_is_one_object_and_nothing_else(
    words: Words, official: Path, tmp_path: Path, run: Run, fake_nets: None
) -> None:
    ran = run(*words, "--json")
    out = tmp_path / "rednet26.pdparams"
    assert ran.code == 0
    shown = json.loads(ran.out)
    parity, dropped = shown.pop("parity"), shown.pop("dropped")
    assert shown == {
        "model": "rednet26",
        "written": str(out),
        "sha256": sha256_file(out),
        "size": out.stat().st_size,
        "format": "pdparams",
        "framework": "paddle",
        "source": {
            "path": str(official),
            "name": "file",
            "url": None,
            "sha256": sha256_file(official),
            "trust": "given by the user",
            "format": "pth-zip",
            "framework": "torch",
        },
        "keys": {"source": 251, "dropped": 40, "target": 211},
        "provenance": f"{out}.provenance.json",
    }
    assert (len(dropped), set(dropped.values())) == (40, {1})
    assert all(key.endswith("num_batches_tracked") for key in dropped)
    assert parity["max_relative_difference"] < parity["tolerance"] == 1e-9


def test_json_says_that_nothing_was_proven(words: Words, run: Run) -> None:
    ran = run(*words, "--json", "--no-verify")
    assert json.loads(ran.out)["parity"] is None
    assert ran.err == ""


def test_json_is_silent_on_standard_output_when_it_fails(
    words: Words, run: Run
) -> None:
    ran = run(*words[:2], "absent.pth", "--json", "--no-verify")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("convert: error: absent.pth: does not exist")


def test_quiet_prints_nothing_at_all(words: Words, run: Run, fake_nets: None) -> None:
    assert run(*words, "--quiet") == Ran(0, "", "")
    refused = run(*words, "--quiet")
    assert (refused.code, refused.out) == (2, "")
    assert "exists already; nothing was written" in refused.err


def test_the_summary_says_what_was_done(
    words: Words, tmp_path: Path, run: Run, fake_nets: None
) -> None:
    ran = run(*words)
    assert ran.err == "verifying: both nets, float64\n"
    lines = ran.out.splitlines()
    labels = [line.split()[0] for line in lines]
    assert labels[:3] == ["rednet26:", "keys", "parity"]
    assert labels[-3:] == ["written", "sha256", "sidecar"]
    assert lines[-3].startswith(f"written  {tmp_path / 'rednet26.pdparams'} (37,0")
    assert "(limit 1e-09): torch fake = paddle fake" in lines[2]


def test_the_summary_does_not_hide_a_skipped_proof(words: Words, run: Run) -> None:
    ran = run(*words, "--no-verify")
    assert "parity   NOT verified (--no-verify)" in ran.out.splitlines()
    assert ran.err == ""


def shifted(mapping: Mapping, source: StateDict) -> StateDict:
    state = apply(mapping, source)
    return {**state, "fc.bias": np.roll(state["fc.bias"], 1)}


def test_nets_that_disagree_are_the_answer_no(
    words: Words,
    tmp_path: Path,
    run: Run,
    fake_nets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("convert.pipeline.apply", shifted)
    ran = run(*words)
    assert (ran.code, ran.out) == (1, "")
    assert "\nconvert: error: rednet26: the torch and the paddle net disa" in ran.err
    assert listing(tmp_path) == {}


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ([], "name a model, or --list"),
        (["rednet26", "--to", "onnx"], "invalid choice: 'onnx'"),
        (["rednet26", "--framework", "jax"], "invalid choice: 'jax'"),
        (["rednet26", "--chec", "x"], "unrecognized arguments: --chec x"),
        (["rednet26", "rednet50"], "unrecognized arguments: rednet50"),
        (["rednet26", "--out"], "--out: expected one argument"),
    ],
)
def test_a_wrong_command_line_is_usage_and_shows_it(
    typed: list[str], complaint: str, run: Run
) -> None:
    ran = run(*typed)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("usage: convert ")
    assert complaint in ran.err


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (["resnet50"], "Unknown model 'resnet50'. Did you mean rednet50"),
        (["rednet26", "--source", "x"], "Unknown source of rednet26 'x'. Known: off"),
        (
            ["rednet26", "--checkpoint", "a", "--source", "ppim"],
            "A checkpoint at hand and a source to fetch exclude each other.",
        ),
        (
            ["rednet26", "--to", "pth", "--framework", "paddle"],
            "A .pth holds torch tensors, not paddle's.",
        ),
        (["rednet26", "--out", "absent/folder/file"], "absent/folder: no such folder"),
    ],
)
def test_a_request_that_cannot_be_met_is_usage_and_says_why(
    typed: list[str], complaint: str, run: Run
) -> None:
    ran = run(*typed, "--no-verify")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"convert: error: {complaint}")


def test_help_names_every_option_and_every_exit_code(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for option in ("--checkpoint", "--plan", "--no-verify", "--json", "--source"):
        assert option in ran.out
    assert "0 converted, 1 the nets disagree, 2 usage, 3 bad input" in ran.out


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version").out == f"convert {__version__}\n"


@pytest.mark.parametrize("command", [["-m", "convert"], ["convert"], ["ppim-convert"]])
def test_every_way_to_start_it_works(command: list[str], tmp_path: Path) -> None:
    program = (
        [sys.executable, *command]
        if command[0] == "-m"
        else [str(SCRIPTS / command[0])]
    )
    done = subprocess.run(
        [*program, "--list"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "rednet152" in done.stdout


def test_a_module_in_the_working_folder_is_not_taken_for_a_library(
    tmp_path: Path,
) -> None:
    for name in ("numpy", "torch", "argparse", "paddle", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    done = subprocess.run(
        [sys.executable, "-m", "convert", "rednet26", "--plan", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_checkout_that_is_not_installed_runs_from_its_own_folder() -> None:
    # -S leaves out site-packages, and so an installed copy: numpy is put back.
    site = str(Path(np.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-S", "-m", "convert", "--list"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": site},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_path_that_is_no_text_can_be_reported(
    paddle_file: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd\udcff.pdparams"
    odd.symlink_to(paddle_file)
    command = [SCRIPTS / "convert", "rednet26", "--checkpoint", odd, "--no-verify"]
    for extra in ((), ("--json", "--force")):
        words = [*command, "--out", tmp_path, *extra]
        done = subprocess.run(words, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["source"]["path"] == str(odd)


def test_the_package_offers_its_functions_and_records() -> None:
    from convert import pipeline, proof, records

    assert package.convert is pipeline.convert
    assert package.plan is pipeline.plan
    assert package.verify is proof.verify
    assert package.Request is records.Request
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        package.absent  # noqa: B018 - the access is the test


def test_the_program_takes_the_process_arguments_by_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["convert", "--list"])
    assert main() == 0
    assert "rednet26" in capsys.readouterr().out
