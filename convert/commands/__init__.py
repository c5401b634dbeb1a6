"""The subcommands of `convert`: one module each, loaded when its name is typed.

Each module has `parser()`, the options with their help and examples, and
`run(options)`, which prints and returns an exit code. None is imported here, so that
`convert --help` stays instant and a command pays for its own imports alone.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "inspect": "convert.commands.inspect",
        "diff": "convert.commands.diff",
        "verify": "convert.commands.verify",
        "explain": "convert.commands.explain",
        "cache": "convert.commands.cache",
    }
)
"""The word that is typed, and the module that answers it."""


class Command(Protocol):
    """The face of a command's module."""

    def parser(self) -> ArgumentParser:
        """The options, in the order of the help."""

    def run(self, options: Namespace) -> int:
        """Do it, print it, and return the exit code."""


def load_command(name: str) -> Command:
    """The module of a command that is in `COMMANDS`."""
    return cast(Command, import_module(COMMANDS[name]))
