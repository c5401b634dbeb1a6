"""A source that an installed package ships is at hand, without a word from the user."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from convert import explain, verify_file
from convert.provenance import provenance_path
from tests.convert.made import unproven

pytestmark = pytest.mark.usefixtures("fake_nets")

ADDRESS = "package:tiny-weights/tiny_weights/net.pth"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site-packages folder with one package; importing it fails."""
    folder = tmp_path / "site"
    package, info = folder / "tiny_weights", folder / "tiny_weights-1.0.dist-info"
    for made in (package, info):
        made.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError")
    (package / "net.pth").write_bytes(b"another version")
    (info / "METADATA").write_text("Name: tiny-weights\nVersion: 1.0\n")
    (info / "RECORD").write_text("tiny_weights/net.pth,,\n")
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def shipped(site: Path, official: Path) -> Path:
    """The official file, as a package's own."""
    path = site / "tiny_weights" / "net.pth"
    path.unlink()
    os.link(official, path)
    return path


@pytest.fixture
def port(official: Path, tmp_path: Path) -> Path:
    """A port whose sidecar names the package, its source not beside it."""
    folder = tmp_path / "port"
    folder.mkdir()
    out = unproven(official, folder).written.path
    sidecar = provenance_path(out)
    document = json.loads(sidecar.read_text())
    document["source"] |= {"url": ADDRESS, "origin": "package", "file": "net.pth"}
    sidecar.write_text(json.dumps(document))
    return out


def test_explain_reads_it_and_makes_every_tensor_again(
    shipped: Path, port: Path
) -> None:
    found = explain(port)
    assert found.complete
    assert found.problems == ()
    assert (found.hops[0].source, found.hops[0].remade) == (shipped, 211)


def test_verify_holds_the_file_against_it(shipped: Path, port: Path) -> None:
    found = verify_file("rednet26", port)
    assert found.against is not None
    assert found.against.origin.path == shipped
    assert found.note == "as its sidecar says"


@pytest.mark.usefixtures("site")
def test_another_version_of_the_package_is_not_at_hand_and_no_impostor(
    port: Path,
) -> None:
    found = explain(port)
    assert not found.complete
    assert found.problems == ()


def test_an_absent_package_is_not_at_hand(port: Path) -> None:
    assert not explain(port).complete
    assert verify_file("rednet26", port).against is None


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "url", ["package:tiny-weights/../../etc/passwd", "package:x", "file:///etc/passwd"]
)
def test_a_sidecars_address_leads_nowhere_else(url: str, port: Path) -> None:
    sidecar = provenance_path(port)
    document = json.loads(sidecar.read_text())
    document["source"]["url"] = url
    sidecar.write_text(json.dumps(document))
    assert not explain(port).complete
