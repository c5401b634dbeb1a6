"""Subcommands, the same way in both programs: a table of words, a module for each.

A command's module is imported when its word is typed and not before, so that the help
of a program stays instant and a command pays for its own imports alone.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Protocol, cast

from ppim_port.program import run


class Command(Protocol):
    """The face of a command's module."""

    def parser(self) -> ArgumentParser:
        """The options, in the order of the help."""

    def run(self, options: Namespace) -> int:
        """Do it, print it, and return the exit code."""


def load_command(commands: Mapping[str, str], name: str) -> Command:
    """The module behind a word of the table."""
    return cast(Command, import_module(commands[name]))


def run_command(
    program: str, commands: Mapping[str, str], words: Sequence[str]
) -> int | None:
    """Run the command that the first word names.

    Returns:
        Its exit code; None if the first word is no command.
    """
    if not words or words[0] not in commands:
        return None
    command = load_command(commands, words[0])
    options = command.parser().parse_args(words[1:])
    return run(f"{program} {words[0]}", lambda: command.run(options))


def refuse_mistyped(
    parser: ArgumentParser, commands: Mapping[str, str], words: Sequence[str]
) -> None:
    """Leave with a suggestion if the first word is almost a command.

    It would otherwise be taken for something else, such as a model's name.
    """
    near = get_close_matches(words[0], commands, n=1, cutoff=0.75) if words else []
    if near:
        parser.error(f"unknown command {words[0]!r}. Did you mean {near[0]}?")
