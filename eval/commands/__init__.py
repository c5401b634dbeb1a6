"""The subcommands of `evaluate`, by the word that is typed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "verify": "eval.commands.verify",
        "export": "eval.commands.export",
        "compare": "eval.commands.compare",
        "check": "eval.commands.check",
        "doctor": "eval.commands.doctor",
        "matrix": "eval.commands.matrix",
        "parity": "eval.commands.parity",
        "report": "eval.commands.report",
        "kernels": "eval.commands.kernels",
    }
)
