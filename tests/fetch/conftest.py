"""A misbehaving server, a cache of one's own, and `fetch` without its waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ppim_port.fetch import Download, Fetched, fetch
from tests.fetch.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PPIM_PORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache"


@dataclass
class Get:
    """`fetch` as the tests call it; keeps what it said and how long it "slept"."""

    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(
        self, *downloads: Download, max_bytes: int = 10**6, timeout: float = 10.0
    ) -> Fetched:
        return fetch(
            downloads,
            max_bytes=max_bytes,
            timeout=timeout,
            allow_http=True,
            progress=False,
            say=self.said.append,
            sleep=self.slept.append,
            by_hand="--by-hand FILE",
        )


@pytest.fixture
def get() -> Get:
    return Get()


@pytest.fixture
def source(server: Server) -> Callable[..., Download]:
    """A download of /file from the server, or of whatever is given."""

    def build(
        url: str = "/file",
        *,
        name: str = "official",
        filename: str = "net.pth",
        sha256: str | None = None,
    ) -> Download:
        if url.startswith("/"):
            url = f"http://127.0.0.1:{server.server_address[1]}{url}"
        return Download(name, url, filename, sha256)

    return build
