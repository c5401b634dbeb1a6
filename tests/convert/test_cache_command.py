"""The cache is listed, checked and cleared, the ports of `evaluate` included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ppim_port.checkpoint import sha256_file
from ppim_port.fetch.cache import cache_entries, clear_cache
from ppim_port.fetch.converted import mark_of, mark_text
from tests.convert.conftest import Ran

Run = Callable[..., Ran]

PORT = "rednet26-0123456789abcdef.pdparams"


@pytest.fixture
def filled(cache: Path) -> Path:
    """A download, a broken-off one, a port, and files of the user's own."""
    ports = cache / "converted"
    ports.mkdir(parents=True)
    (cache / "net.pth").write_bytes(b"weights")
    origin = {
        "url": "https://x.org/net",
        "source": "official",
        "sha256": sha256_file(cache / "net.pth"),
    }
    (cache / "net.pth.json").write_text(json.dumps(origin))
    (cache / "cut.pth.part").write_bytes(b"wei")
    (cache / "cut.pth.part.json").write_text(
        json.dumps({"url": "https://x.org/cut", "etag": "1"})
    )
    (ports / PORT).write_bytes(b"port")
    mark_of(ports / PORT).write_text(mark_text(sha256_file(ports / PORT)))
    (ports / "thesis.pdparams").write_bytes(b"mine")
    (cache / "thesis.pth").write_bytes(b"mine")
    return cache


def test_an_empty_cache_is_empty(run: Run, cache: Path) -> None:
    assert run("cache", "list").out == f"0 files, 0 bytes in {cache}\n"
    assert run("cache", "verify").code == 0
    assert run("cache", "clear").out.startswith("0 bytes freed")


def test_the_list_has_every_kind_and_nothing_of_the_users(
    filled: Path, run: Run
) -> None:
    ran = run("cache", "list")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == f"3 files, 14 bytes in {filled}"
    assert "thesis" not in ran.out
    found = json.loads(run("cache", "list", "--json").out)
    assert found["folder"] == str(filled)
    kinds = {Path(entry["path"]).name: entry["kind"] for entry in found["entries"]}
    assert kinds == {
        PORT: "converted",
        "cut.pth.part": "broken-off",
        "net.pth": "download",
    }


def test_verify_passes_what_is_as_recorded(filled: Path, run: Run) -> None:
    ran = run("cache", "verify")
    assert ran.code == 0
    assert f"ok: {filled / 'net.pth'}" in ran.out
    assert f"ok: {filled / 'converted' / PORT}" in ran.out
    assert "broken-off download: the next run resumes it" in ran.out


@pytest.mark.parametrize("name", ["net.pth", f"converted/{PORT}"])
def test_verify_names_what_changed_and_its_exit_code_says_so(
    name: str, filled: Path, run: Run
) -> None:
    (filled / name).write_bytes(b"other")
    ran = run("cache", "verify")
    assert ran.code == 1
    assert f"{filled / name}: sha256 differs." in ran.out
    assert ran.out.endswith("3 files, 1 with other bytes than recorded\n")
    found = json.loads(run("cache", "verify", "--json").out)
    assert found["right"] is False
    (bad,) = [entry for entry in found["entries"] if entry["found"] and not entry["ok"]]
    assert bad["path"] == str(filled / name)


def test_a_port_without_a_sound_mark_is_told_of_and_is_no_fault(
    filled: Path, run: Run
) -> None:
    mark_of(filled / "converted" / PORT).write_text("nonsense")
    ran = run("cache", "verify")
    assert ran.code == 0
    assert "a port without a sound mark: the next run makes it anew" in ran.out


def test_clear_deletes_what_was_listed_and_spares_the_users_files(
    filled: Path, run: Run
) -> None:
    ran = run("cache", "clear", "--json")
    assert json.loads(ran.out) == {"folder": str(filled), "freed": 14}
    left = {path.name for path in filled.rglob("*") if path.is_file()}
    assert left - {"net.pth.lock", "cut.pth.lock"} == {"thesis.pth", "thesis.pdparams"}
    assert cache_entries() == []


def test_clear_removes_what_a_killed_run_left_of_a_port(filled: Path) -> None:
    from ppim_port import atomic

    draft = filled / "converted" / f".{PORT}.{atomic._kernel()}00000000.tmp"
    draft.write_bytes(b"half")
    clear_cache()
    assert not draft.exists()
