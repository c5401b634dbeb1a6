"""The synopses of docs/evaluation.md show every option of every command."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from eval.commands import COMMANDS
from eval.options import parser
from eval.protocols import NAMES
from ppim_port.commands import load_command

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
TEXT = PAGE.read_text("utf-8")
# Indented blocks, each from a command's first line to the next one's.
BLOCKS = re.findall(r"^ {4}evaluate .*(?:\n {5,}.*)*", TEXT, re.MULTILINE)


def synopsis(name: str) -> str:
    start = "evaluate --model MODEL" if name == "evaluate" else f"evaluate {name} "
    found = [block for block in BLOCKS if block.strip().startswith(start)]
    if name in ("verify", "export"):
        found = re.findall(rf"`evaluate {name} [^`]*`", TEXT)
    assert found, name
    return found[0]


def parser_of(name: str) -> argparse.ArgumentParser:
    if name == "evaluate":
        return parser()
    return load_command(COMMANDS, name).parser()


@pytest.mark.parametrize("name", ["evaluate", *COMMANDS])
def test_the_synopsis_lists_every_option_and_no_other(name: str) -> None:
    words = {
        word
        for action in parser_of(name)._actions
        for word in action.option_strings
        if word not in ("-h", "--help", "--version")
    }
    assert set(re.findall(r"--[a-z-]+", synopsis(name))) == words


@pytest.mark.parametrize("name", ["evaluate", *COMMANDS])
def test_every_option_has_help(name: str) -> None:
    assert all(action.help for action in parser_of(name)._actions)


def test_every_protocol_is_in_the_table() -> None:
    section = TEXT.partition("## Test sets and their classes")[2].partition("\n## ")[0]
    assert all(f"`{name}`" in section for name in NAMES)
