"""What the commands' parsers and outputs share."""

from __future__ import annotations

import argparse
import json
from typing import Any


def new_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A command's parser, with --json, as the main one looks."""
    p = argparse.ArgumentParser(
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
