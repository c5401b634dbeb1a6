"""The subcommands of `convert`: one module each, loaded when its name is typed.

Each module has `parser()`, the options with their help and examples, and
`run(options)`, which prints and returns an exit code. None is imported here, so that
`convert --help` stays instant and a command pays for its own imports alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "inspect": "convert.commands.inspect",
        "diff": "convert.commands.diff",
        "verify": "convert.commands.verify",
        "explain": "convert.commands.explain",
        "export": "convert.commands.export",
        "cache": "convert.commands.cache",
    }
)
"""The word that is typed, and the module that answers it."""
