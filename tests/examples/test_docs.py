"""The examples' README cannot drift: its commands parse, every option is in it."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

import convert.cli
import eval.options
from examples.common import compare
from examples.finetune_rednet import options as finetune
from examples.involution_cifar10 import options as involution
from examples.resnet_nam_cifar100 import options as nam

README = (Path(__file__).parents[2] / "examples" / "README.md").read_text()
COMMANDS = re.findall(r"^    ((?:python -m|convert|evaluate) .*)$", README, re.M)
PARSERS = {
    "examples.resnet_nam_cifar100": nam.parser(),
    "examples.finetune_rednet": finetune.parser(),
    "examples.involution_cifar10": involution.parser(),
    "examples.common": compare.parser(),
    "convert": convert.cli.parser(),
    "evaluate": eval.options.parser(),
}
MODULES = [name for name in PARSERS if name.startswith("examples.")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_has_options_that_exist(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "python":
        module = words[2]
        path = Path(__file__).parents[2] / f"{module.replace('.', '/')}.py"
        assert path.is_file()
        PARSERS[module.rpartition(".")[0]].parse_args(words[3:])
    else:
        PARSERS[words[0]].parse_args(words[1:])


def test_the_readme_shows_every_program() -> None:
    for name in PARSERS:
        assert any(name in command for command in COMMANDS)


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_in_the_readme_and_has_help(name: str) -> None:
    parser: argparse.ArgumentParser = PARSERS[name]
    for action in parser._actions:
        assert action.help, action
        for option in set(action.option_strings) - {"-h", "--help"}:
            assert option in README, f"{option} is not in examples/README.md"


def test_the_recipes_of_the_readme_are_the_codes() -> None:
    article, official = nam.TRAININGS["article"], nam.TRAININGS["official"]
    rows = dict(re.findall(r"^\| ([a-z, ]+) \| (.*) \|$", README, re.M))
    assert rows["epochs"] == f"{article.epochs} | {official.epochs}"
    assert rows["learning rate"] == f"{article.lr} | {official.lr}"
    assert rows["batch"].startswith(f"{article.batch_size}; ")
    assert rows["batch"].endswith(f"| {official.batch_size}")
    assert str(article.warmup_steps) in rows["schedule"]
    assert rows["schedule"].endswith(f"times {official.gamma} at epochs 60, 120, 160")
    assert official.milestones == (60, 120, 160)
    assert rows["sparsity penalty"].startswith("none")
    assert (article.penalty, official.penalty) == (0, 1e-4)
