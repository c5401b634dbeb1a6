"""A real headless Chromium: what it shows, complains about, and asks a network for."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium on this machine (Debian: apt-get install chromium)",
)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    # The browser's own errands find no host; the pages' are seen before the lookup.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page came to."""

    dom: str
    console: list[str]
    addresses: list[str]


def show(page: Path, scratch: Path) -> Shown:
    """Open a file and read the DOM, the console and the network log."""
    assert CHROMIUM
    log = scratch / "net.json"
    done = subprocess.run(
        [
            CHROMIUM,
            *_FLAGS,
            f"--user-data-dir={scratch / 'profile'}",
            f"--log-net-log={log}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Shown(done.stdout, console, list(_addresses(log.read_text("utf-8"))))


def _addresses(log: str) -> list[str]:
    """What the page asked for; the browser's own errands have no origin."""
    parts = [event.get("params", {}) for event in json.loads(log)["events"]]
    urls = {
        part.get("url", "")
        for part in parts
        if part.get("initiator", "not an origin") != "not an origin"
    }
    return sorted(url for url in urls if not url.startswith(("file:", "data:")))
