"""From a manifest record to what is fetched, in order, or by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ppim_port import sources
from ppim_port.errors import UnknownNameError
from ppim_port.fetch import Download, Fetched
from ppim_port.manifest import load_manifest
from ppim_port.sources import cached_weights, downloads, fetch_weights

RECORD = load_manifest().model("rednet50")
GOT = Fetched(Path("a"), "0" * 64, "official", "https://a.b/c", "lock", True)


class Spy:
    """Stands in for the fetching; keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: Sequence[Download] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, asked: Sequence[Download], **options: Any) -> Fetched:
        self.asked, self.options = asked, options
        return GOT


def test_all_sources_come_in_the_manifests_order() -> None:
    assert downloads(RECORD) == [
        Download(source.name, source.url, source.filename, source.sha256)
        for source in RECORD.sources
    ]


def test_a_named_source_comes_alone() -> None:
    assert [d.name for d in downloads(RECORD, "ppim")] == ["ppim"]


@pytest.mark.parametrize("name", ["", "Official", "official "])
def test_an_unknown_source_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown source of rednet50") as caught:
        downloads(RECORD, name)
    assert caught.value.known == ["official", "paddleclas", "ppim"]


@pytest.mark.parametrize(
    "record", load_manifest().models.values(), ids=lambda r: r.name
)
def test_every_source_of_the_manifest_can_be_a_download(record: Any) -> None:
    assert len(downloads(record)) == len(record.sources)


def test_fetching_passes_on_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy()
    monkeypatch.setattr(sources, "fetch", spy)
    said: list[str] = []
    options: Any = {
        "by_hand": "--checkpoint FILE",
        "progress": True,
        "say": said.append,
    }
    assert fetch_weights(RECORD, "ppim", **options) is GOT
    assert spy.asked == downloads(RECORD, "ppim")
    assert spy.options == options


def test_fetching_is_silent_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy()
    monkeypatch.setattr(sources, "fetch", spy)
    fetch_weights(RECORD)
    assert spy.asked == downloads(RECORD)
    assert spy.options["progress"] is False
    assert spy.options["say"] is None


def test_the_cache_is_asked_for_the_same_downloads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = Spy()
    monkeypatch.setattr(sources, "find_cached", spy)
    assert cached_weights(RECORD, "paddleclas") is GOT
    assert spy.asked == downloads(RECORD, "paddleclas")


def test_an_empty_cache_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PPIM_PORT_CACHE", str(tmp_path))
    assert cached_weights(RECORD) is None
    assert list(tmp_path.iterdir()) == []
