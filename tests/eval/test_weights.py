"""Weights by name: fetched once, converted once, and believed only while unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from eval.weights import open_weights
from ppim_port.errors import CheckpointError, FetchError
from ppim_port.fetch.disk import digest_of
from ppim_port.fetch.lock import Seen, remember
from ppim_port.fetch.outcome import Refused
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import Weights
from tests.eval.made import record
from tests.support.states import made_state, rednet

RECORD = record()
OFFICIAL = RECORD.sources[0]


@dataclass
class Opened:
    """`open_weights` as the tests call it; keeps what it said."""

    said: list[str] = field(default_factory=list)

    def __call__(
        self, framework: FrameworkName = "paddle", path: Path | None = None
    ) -> Weights:
        self.said.clear()
        return open_weights(
            RECORD, framework, path, say=self.said.append, progress=False
        )

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.said)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    def no_network(*_: object, **__: object) -> None:
        pytest.fail("a download was started")

    monkeypatch.setattr("ppim_port.fetch.source.fetch_from", no_network)
    return Opened()


@pytest.fixture
def downloaded(cache: Path, official_weights: Path) -> Path:
    """The official file, as an earlier run would have left it in the cache."""
    path = cache / OFFICIAL.filename
    cache.mkdir()
    path.hardlink_to(official_weights)
    seen = Seen(digest_of(path), path.stat().st_size, "2024-01-01", OFFICIAL.name)
    remember(OFFICIAL.url, seen)
    return path


@pytest.fixture
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a file was converted again")

    monkeypatch.setattr("eval.weights.write", refuse)
    return monkeypatch


def assert_is_the_made_net(weights: Weights, framework: FrameworkName) -> None:
    wanted = made_state(rednet(), framework)
    assert weights.state.keys() == wanted.keys()
    assert all(np.array_equal(weights.state[key], wanted[key]) for key in wanted)


def converted(cache: Path) -> list[str]:
    folder = cache / "converted"
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def test_a_file_at_hand_is_used_and_nothing_kept(
    opened: Opened, official_weights: Path, cache: Path
) -> None:
    weights = opened("paddle", official_weights)
    assert weights.path == official_weights
    assert_is_the_made_net(weights, "paddle")
    assert (opened.said, cache.exists()) == ([], False)


def test_a_download_is_converted_on_the_spot_and_kept(
    opened: Opened, downloaded: Path, cache: Path
) -> None:
    weights = opened()
    name = f"rednet26-{digest_of(downloaded)[:16]}.pdparams"
    assert_is_the_made_net(weights, "paddle")
    assert converted(cache) == [name, f"{name}.made"]
    assert opened.heard("from official (lock)")
    assert opened.heard("converted on the spot")


def test_the_second_run_takes_the_kept_file(
    opened: Opened, downloaded: Path, cache: Path, request: pytest.FixtureRequest
) -> None:
    opened()
    request.getfixturevalue("no_conversion")
    weights = opened()
    assert weights.path.parent == cache / "converted"
    assert weights.mapping.source_framework == "paddle"
    assert_is_the_made_net(weights, "paddle")
    assert len(opened.said) == 1
    assert opened.heard("converted from official (lock)")


@pytest.mark.usefixtures("downloaded", "no_conversion")
def test_a_frameworks_own_download_needs_no_conversion(
    opened: Opened, cache: Path
) -> None:
    assert_is_the_made_net(opened("torch"), "torch")
    assert converted(cache) == []


@pytest.mark.parametrize("where", [0.1, 0.5, 0.999])
@pytest.mark.usefixtures("downloaded")
def test_one_flipped_bit_in_the_kept_file_is_noticed_and_mended(
    opened: Opened, cache: Path, where: float
) -> None:
    opened()
    kept = next((cache / "converted").glob("*.pdparams"))
    whole = kept.read_bytes()
    damaged = bytearray(whole)
    damaged[int(where * len(whole))] ^= 1
    kept.write_bytes(damaged)
    assert_is_the_made_net(opened(), "paddle")
    assert opened.heard("damaged or outdated; making it anew")
    assert kept.read_bytes() == whole


@pytest.mark.parametrize("text", ["", "x", "\0", None])
@pytest.mark.usefixtures("downloaded")
def test_a_kept_file_that_nothing_vouches_for_is_made_anew(
    opened: Opened, cache: Path, text: str | None
) -> None:
    opened()
    mark = next((cache / "converted").glob("*.made"))
    good = mark.read_text()
    mark.unlink()
    if text is not None:
        mark.write_text(text)
    assert_is_the_made_net(opened(), "paddle")
    assert mark.read_text() == good


@pytest.mark.usefixtures("downloaded")
def test_a_kept_file_of_another_version_of_ours_is_made_anew(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    monkeypatch.setattr("ppim_port.fetch.converted.__version__", "99.0.0")
    opened()
    assert opened.heard("damaged or outdated; making it anew")


def test_a_cache_that_cannot_be_written_to_costs_the_copy_alone(
    opened: Opened, downloaded: Path
) -> None:
    downloaded.with_name("converted").write_bytes(b"in the way")
    assert_is_the_made_net(opened(), "paddle")
    assert opened.heard("converted on the spot, but not kept: ")


def test_a_disk_that_fails_costs_the_copy_alone(
    opened: Opened, downloaded: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        message = "not written: No space left on device"
        raise CheckpointError(message)

    monkeypatch.setattr("eval.weights.write", full)
    assert_is_the_made_net(opened(), "paddle")
    assert opened.heard("not kept: not written: No space left")
    assert converted(cache) == []


def test_no_source_says_how_to_pass_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        message = "HTTP 404 Not Found"
        raise Refused(message)

    monkeypatch.setattr("ppim_port.fetch.source.fetch_from", gone)
    with pytest.raises(FetchError, match=r"pass it as  --weights FILE$"):
        Opened()()
