"""Every command has help, runs without a framework, and speaks JSON on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from convert import cli
from convert.commands import COMMANDS
from ppim_port.commands import load_command
from tests.convert.conftest import Ran
from tests.convert.made import unproven
from tests.convert.test_light import BLOCKING, SCRIPT, loaded, new_process

Run = Callable[..., Ran]

# Commands that run a net, and so may load a framework.
RUN_NETS = {"verify", "export"}
LIGHT = sorted(COMMANDS.keys() - RUN_NETS)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, official: Path) -> Path:
    return unproven(official, tmp_path_factory.mktemp("port")).written.path


def words_of(name: str, port: Path, official: Path) -> list[object]:
    return {
        "inspect": ["inspect", port],
        "diff": ["diff", official, port],
        "explain": ["explain", port, "--source", official],
        "cache": ["cache", "list"],
    }[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_main_help_names_every_command(name: str, run: Run) -> None:
    assert f"\n  convert {name} " in run("--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_exit_codes(name: str, run: Run) -> None:
    ran = run(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"usage: convert {name} [-h] ")
    assert f"examples:\n  convert {name} " in ran.out
    assert "exit codes: 0 " in ran.out
    assert "--json" in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    for action in load_command(COMMANDS, name).parser()._actions:
        assert action.help, action


@pytest.mark.parametrize("name", LIGHT)
def test_a_command_loads_nothing_heavy(name: str, port: Path, official: Path) -> None:
    assert loaded(*words_of(name, port, official)) == set()


@pytest.mark.parametrize("name", LIGHT)
def test_a_command_works_where_no_framework_is_installed(
    name: str, port: Path, official: Path
) -> None:
    words = words_of(name, port, official)
    done = new_process(BLOCKING + SCRIPT, *words, "--json")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_works_where_no_framework_is_installed(name: str) -> None:
    done = new_process(BLOCKING + SCRIPT, name, "--help")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("inspct", "inspect"),
        ("dif", "diff"),
        ("expalin", "explain"),
        ("chache", "cache"),
    ],
)
def test_a_mistyped_command_gets_a_suggestion(typed: str, meant: str, run: Run) -> None:
    ran = run(typed, "a.pth")
    assert (ran.code, ran.out) == (2, "")
    assert f"unknown command '{typed}'. Did you mean {meant}?" in ran.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["rednet26", "--chekpoint", "a.pth"], "--checkpoint"),
        (["rednet26", "--no-verfy"], "--no-verify"),
        (["rednet26", "--to", "pdparam"], "pdparams"),
        (["diff", "a", "b", "--tolerence", "1"], "--tolerance"),
        (["verify", "--selftest"], "--self-test"),
        (["explain", "a", "--sorce=b"], "--source"),
        (["cache", "lst"], "list"),
    ],
)
def test_a_mistyped_option_or_choice_gets_a_suggestion(
    words: list[str], meant: str, run: Run
) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(f". Did you mean {meant}?\n")


def test_a_net_of_both_packages_is_told_how_to_ask(run: Run) -> None:
    ran = run("resnet18", "--checkpoint", "a.pth")
    assert ran.code == 2
    assert "--from torchvision:resnet18 --to paddle.vision:resnet18" in ran.err
    assert "Did you mean" in run("resnet19", "--checkpoint", "a.pth").err


@pytest.mark.parametrize("words", [["rednet26", "--zzzz"], ["rednet26", "--to", "q"]])
def test_what_is_like_nothing_gets_no_suggestion(words: list[str], run: Run) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert "Did you mean" not in ran.err


@pytest.mark.parametrize("name", ["rednet26", "rednet50", "resnet50", "net"])
def test_a_model_is_not_taken_for_a_command(name: str, run: Run) -> None:
    assert "unknown command" not in run(name, "--plan", "--quiet").err


@pytest.mark.parametrize(
    "words",
    [
        ["inspect"],
        ["inspect", "a", "b"],
        ["diff", "a"],
        ["diff", "a", "b", "--tolerance", "-1"],
        ["diff", "a", "b", "--tolerance", "x"],
        ["explain"],
        ["cache"],
        ["cache", "burn"],
        ["inspect", "--nope", "a"],
    ],
)
def test_a_wrong_command_line_is_usage(words: list[str], run: Run) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"usage: convert {words[0]} ")


@pytest.mark.parametrize(
    "words", [["inspect", "no"], ["diff", "no", "no"], ["explain", "no"]]
)
def test_a_file_that_is_not_there_is_bad_input(words: list[str], run: Run) -> None:
    ran = run(*words, "--json")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"convert {words[0]}: error: no")


def test_no_command_has_a_models_name() -> None:
    from ppim_port.manifest import load_manifest

    assert not COMMANDS.keys() & load_manifest().models.keys()


def test_the_parser_of_the_conversion_knows_no_command() -> None:
    """They are dispatched before it, so that its options stay its own."""
    assert [a.dest for a in cli.parser()._actions if a.choices] == ["to", "framework"]
