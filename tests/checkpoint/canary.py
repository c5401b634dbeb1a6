"""Proof that reading ran nothing: a file that must not appear, and an audit hook.

Python reports imports, compilations, new processes and opened files to audit hooks.
A hook cannot be removed, so this one listens only between `watch` and its end.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUSPECT = (
    "builtins.input",
    "compile",
    "ctypes",
    "exec",
    "ftplib",
    "import",
    "marshal",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.spawn",
    "os.system",
    "pickle.find_class",
    "shutil",
    "socket",
    "subprocess",
    "urllib",
    "webbrowser",
)
_listening: list[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and (event.startswith(SUSPECT) or _opens_to_write(event, arguments)):
        _listening[-1].append(event)


def _opens_to_write(event: str, arguments: tuple[Any, ...]) -> bool:
    return event == "open" and str(arguments[1] or "r")[0] in "wax"


sys.addaudithook(_hook)


@contextlib.contextmanager
def watch() -> Iterator[list[str]]:
    """Collect the suspect events of the block."""
    events: list[str] = []
    _listening.append(events)
    try:
        yield events
    finally:
        _listening.pop()


def payload(canary: Path) -> str:
    """A shell command that makes the canary appear."""
    return f"echo sung > {canary}"
