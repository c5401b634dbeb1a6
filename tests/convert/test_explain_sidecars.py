"""Sidecars that are none, or say what cannot be, are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convert import explain
from convert.provenance import provenance_path
from convert.sidecar import read_sidecar
from ppim_port.errors import CheckpointError
from tests.convert.chains import Chain, Edit, Run, edit


def test_a_file_without_a_sidecar_is_bad_input(official: Path, run: Run) -> None:
    ran = run("explain", official)
    assert (ran.code, ran.out) == (3, "")
    assert f"{provenance_path(official)} does not exist: nothing is known" in ran.err


BROKEN: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "no proper JSON"),
    "not text": (b"\xff\xfe{}", "no proper JSON"),
    "deep JSON": (b"[" * 200_000, "no proper JSON"),
    "a name twice": (b'{"schema": 1, "schema": 1}', "no proper JSON"),
    "a list": (b"[]", "expected an object"),
    "nothing": (b"{}", "schema: missing"),
    "another schema": (b'{"schema": 2}', "schema: expected an integer from 1 to 1"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_sidecar_that_is_none_is_refused(what: str, chain: Chain, run: Run) -> None:
    content, complaint = BROKEN[what]
    provenance_path(chain.b).write_bytes(content)
    ran = run("explain", chain.b)
    assert (ran.code, ran.out) == (3, "")
    assert "not a usable provenance sidecar: " in ran.err
    assert complaint in ran.err
    assert len(ran.err) < 1000


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["tensors"][0].update(action="run"),
        lambda v: v["tensors"][0].update(shape=[-1]),
        lambda v: v["tensors"][0].update(target="a\x1b[2J"),
        lambda v: v["tensors"][0].update(source_sha256="x"),
        lambda v: v["source"].pop("sha256"),
        lambda v: v.update(tensors=3),
        lambda v: v["tensors"].append(v["tensors"][0]),
    ],
    ids=["action", "shape", "escape", "digest", "missing", "no list", "twice"],
)
def test_a_sidecar_with_an_impossible_field_is_refused(
    change: Edit, chain: Chain
) -> None:
    edit(chain.b, change)
    with pytest.raises(CheckpointError, match="not a usable provenance") as caught:
        read_sidecar(provenance_path(chain.b))
    assert str(caught.value).isprintable()


def test_an_absurdly_large_sidecar_is_refused_unread(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convert.sidecar.MAX_BYTES", 100)
    with pytest.raises(CheckpointError, match="larger than"):
        explain(chain.b)


def test_fields_of_a_later_version_are_ignored(chain: Chain) -> None:
    def add(value: dict[str, Any]) -> None:
        value["more"] = value["source"]["more"] = value["tensors"][0]["more"] = 1

    edit(chain.b, add)
    assert explain(chain.b).problems == ()


def test_a_name_in_a_sidecar_leads_nowhere_else(chain: Chain, tmp_path: Path) -> None:
    chain.a.rename(tmp_path / "a.pth")
    edit(chain.b, lambda v: v["source"].update(file="../a.pth"))
    assert explain(chain.b).hops[0].source is None


def test_a_given_sidecar_must_be_sound(chain: Chain) -> None:
    stray = chain.folder / "x.provenance.json"
    stray.write_text("{")
    assert explain(chain.c).problems == ()
    with pytest.raises(CheckpointError, match="not a usable provenance"):
        explain(chain.c, sources=[stray])
