"""What only real processes show: sharing one download, and surviving kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ppim_port.fetch import Download
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, CUT, Answer, Server

SCRIPT = """
import sys
from ppim_port.fetch import Download, fetch, transfer
transfer.CHUNK = 1000  # less than Python's file buffer: received is not yet on disk
got = fetch([Download("official", sys.argv[1], "net.pth", None)], allow_http=True,
            progress=False, say=lambda text: print(text, flush=True))
print(got.trust, got.from_cache)
"""


def start(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url], stdout=subprocess.PIPE, text=True
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.01)


def test_two_processes_share_one_download(server: Server) -> None:
    url = server.serve("/file", Answer(stall_at=CUT))
    first = start(url)
    wait_until(lambda: len(server.asked) == 1)
    second = start(url)
    assert second.stdout is not None
    assert "waiting for another process" in second.stdout.readline()
    server.serve("/file", Answer())
    server.release.set()
    first_said, second_said = first.communicate(timeout=20)[0], second.communicate()[0]
    assert "first-use False" in first_said
    assert second_said.strip() == "lock True"
    assert server.ranges_asked()[0] is None
    assert len(server.asked) == 2  # the whole file once: its start, then its rest


def test_killed_download_is_resumed(
    server: Server, get: Get, source: Callable[..., Download], cache: Path
) -> None:
    url = server.serve("/file", Answer(stall_at=CUT), Answer())
    part = cache / "net.pth.part"
    with start(url) as victim:
        wait_until(lambda: part.exists() and part.stat().st_size == CUT)
        os.kill(victim.pid, signal.SIGKILL)
    assert not (cache / "net.pth").exists()
    assert get(source()).path.read_bytes() == BODY
    assert server.ranges_asked() == [None, f"bytes={CUT}-"]
