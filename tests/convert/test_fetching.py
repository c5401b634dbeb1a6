"""Conversion of a download: which sources, in what order, and why it is believed.

The download itself is tested with the fetching; here it hands out a local file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from convert import Request
from convert.pipeline import convert, plan
from ppim_port import sources
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import FetchError, UnknownNameError
from ppim_port.fetch import Download, Fetched
from ppim_port.fetch.records import Trust
from ppim_port.manifest import load_manifest
from tests.convert.conftest import Ran
from tests.convert.made import listing, sidecar

Run = Callable[..., Ran]


class Network:
    """Stands in for `fetch`: the first source that is asked has the file."""

    def __init__(self, path: Path, trust: Trust = "first-use") -> None:
        self.path = path
        self.trust = trust
        self.asked: list[str] = []
        self.options: dict[str, Any] = {}

    def __call__(self, downloads: Sequence[Download], **options: Any) -> Fetched:
        self.asked = [download.name for download in downloads]
        self.options = options
        first = downloads[0]
        return Fetched(
            path=self.path,
            sha256=sha256_file(self.path),
            source=first.name,
            url=first.url,
            trust=self.trust,
            from_cache=False,
        )


@pytest.fixture
def network(official: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network(official)
    monkeypatch.setattr(sources, "fetch", network)
    return network


def test_all_sources_are_asked_in_the_manifests_order(
    network: Network, tmp_path: Path
) -> None:
    convert(Request("rednet26", out=tmp_path, verify=False))
    assert network.asked == ["official", "paddleclas", "ppim"]


def test_a_named_source_is_the_only_one_asked(network: Network, tmp_path: Path) -> None:
    convert(Request("rednet26", source="ppim", out=tmp_path, verify=False))
    assert network.asked == ["ppim"]


def test_an_unknown_source_is_told_the_known_ones(
    network: Network, tmp_path: Path
) -> None:
    request = Request("rednet26", source="offical", out=tmp_path, verify=False)
    with pytest.raises(UnknownNameError) as caught:
        convert(request)
    assert str(caught.value) == (
        "Unknown source of rednet26 'offical'. Did you mean official? "
        "Known: official, paddleclas, ppim."
    )
    assert network.asked == []


@pytest.mark.parametrize("trust", ["manifest", "lock", "first-use"])
def test_the_sidecar_says_where_it_came_from_and_why_it_is_believed(
    trust: Trust, network: Network, official: Path, tmp_path: Path
) -> None:
    network.trust = trust
    done = convert(Request("rednet26", out=tmp_path, verify=False))
    source = sidecar(done)["source"]
    assert source["origin"] == "official"
    assert source["trust"] == trust
    assert source["url"] == load_manifest().model("rednet26").sources[0].url
    assert source["sha256"] == sha256_file(official)


def test_a_fetched_paddle_file_becomes_torchs(
    network: Network, paddle_file: Path, tmp_path: Path
) -> None:
    network.path = paddle_file
    done = convert(Request("rednet26", source="ppim", out=tmp_path, verify=False))
    assert done.written.path == tmp_path / "rednet26.pth"


def test_bars_are_shown_to_people_only(
    network: Network, tmp_path: Path, run: Run
) -> None:
    out = ("--out", tmp_path, "--no-verify")
    for words, shown in (((), True), (("--quiet",), False), (("--json",), False)):
        assert run("rednet26", *out, *words, "--force").code == 0
        assert network.options["progress"] is shown


def test_what_the_download_says_reaches_people_on_standard_error(
    official: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talking(downloads: Sequence[Download], **options: Any) -> Fetched:
        options["say"]("nobody publishes its sha256")
        return Network(official)(downloads)

    monkeypatch.setattr(sources, "fetch", talking)
    words = ("rednet26", "--out", tmp_path, "--no-verify", "--force")
    ran = run(*words)
    assert ran.err == "nobody publishes its sha256\n"
    assert "sha256" in ran.out
    assert run(*words, "--quiet").err == ""


def test_a_failed_download_is_bad_input_and_leaves_nothing(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **options: Any) -> Fetched:
        message = "No source of it could be downloaded."
        raise FetchError(message)

    monkeypatch.setattr(sources, "fetch", fails)
    ran = run("rednet26", "--out", tmp_path, "--no-verify")
    assert ran == Ran(3, "", "convert: error: No source of it could be downloaded.\n")
    assert listing(tmp_path) == {}


def test_a_plan_never_asks_the_network(network: Network) -> None:
    planned = plan(Request("rednet26"))
    assert planned.upstream is None
    assert network.asked == []


def test_a_plan_reads_what_the_cache_holds(
    network: Network, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(downloads: Sequence[Download]) -> Fetched:
        return Network(official, "lock")(downloads)

    monkeypatch.setattr(sources, "find_cached", held)
    planned = plan(Request("rednet26", source="paddleclas"))
    assert planned.upstream is not None
    origin = planned.upstream.origin
    assert (origin.name, origin.trust, origin.path) == ("paddleclas", "lock", official)
    assert network.asked == []
