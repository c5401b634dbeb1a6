"""What the commands' parsers and outputs share."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Says what was probably meant by an unknown option or choice."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        super().error(message + self._meant(message))

    def _meant(self, message: str) -> str:
        choice = re.search(r"invalid choice: '([^']*)'", message)
        unknown = re.search(r"unrecognized arguments: .*?(--[\w-]+)", message)
        known: Iterable[str] = self._option_string_actions
        if choice:
            known = [str(c) for a in self._actions for c in a.choices or ()]
        found = choice or unknown
        near = get_close_matches(found[1], known, n=1) if found else []
        return f". Did you mean {near[0]}?" if near else ""


def new_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A command's parser, with --json, as the main one looks."""
    p = Parser(
        prog=f"convert {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("--json", action="store_true", help="print one JSON object")
    return p


def print_json(value: dict[str, Any]) -> None:
    """One object on standard output; a number that is not finite is null."""
    print(json.dumps(_plain(value), indent=2))


def _plain(value: Any) -> Any:
    """JSON has no NaN: a reader would choke on it, or take it for a number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
