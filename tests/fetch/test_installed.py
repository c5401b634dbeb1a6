"""A file that an installed package ships is found, held against its digest, not run."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from ppim_port.errors import DigestError, FetchError, UsageError
from ppim_port.fetch import Download, fetch, find_cached
from ppim_port.fetch.installed import installed_file, is_package

ADDRESS = "package:tiny-weights/tiny_weights/models/net.pth"
BODY = b"weights"
DIGEST = sha256(BODY).hexdigest()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site-packages folder with one package; importing it fails."""
    folder = tmp_path / "site"
    (folder / "tiny_weights" / "models").mkdir(parents=True)
    (folder / "tiny_weights" / "__init__.py").write_text("raise RuntimeError")
    (folder / "tiny_weights" / "models" / "net.pth").write_bytes(BODY)
    (folder / "tiny_weights" / "models" / "unlisted.pth").write_bytes(BODY)
    info = folder / "tiny_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: tiny-weights\nVersion: 1.0\n")
    (info / "RECORD").write_text(
        "tiny_weights/__init__.py,,\ntiny_weights/models/net.pth,,\n"
        "tiny_weights/models/gone.pth,,\n"
    )
    monkeypatch.syspath_prepend(folder)
    return folder


def download(url: str = ADDRESS, digest: str | None = DIGEST) -> Download:
    return Download("package", url, "net.pth", digest)


def test_the_file_is_taken_from_where_it_lies(site: Path, cache: Path) -> None:
    got = fetch([download()])
    assert got.path == site / "tiny_weights" / "models" / "net.pth"
    assert (got.sha256, got.source, got.url) == (DIGEST, "package", ADDRESS)
    assert (got.trust, got.from_cache) == ("manifest", True)
    assert not cache.exists()


@pytest.mark.usefixtures("site")
def test_it_counts_as_cached_and_the_name_may_be_spelled_as_pip_allows() -> None:
    address = ADDRESS.replace("tiny-weights", "Tiny_Weights")
    found = find_cached([download(address)])
    assert found is not None
    assert found.sha256 == DIGEST


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ["unlisted.pth", "gone.pth", "../__init__.py"])
def test_a_file_that_is_not_listed_or_not_there_is_not_found(name: str) -> None:
    assert installed_file(f"package:tiny-weights/tiny_weights/models/{name}") is None


def test_an_absent_package_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(FetchError) as caught:
        fetch([download()], by_hand="--checkpoint FILE")
    text = str(caught.value)
    assert "not installed: run  pip install" in text
    assert "--no-deps tiny-weights" in text
    assert text.endswith("pass it as  --checkpoint FILE")


def test_a_file_of_other_bytes_is_refused_and_left(site: Path) -> None:
    path = site / "tiny_weights" / "models" / "net.pth"
    path.write_bytes(b"other")
    assert find_cached([download()]) is None
    with pytest.raises(DigestError) as caught:
        fetch([download()])
    text = str(caught.value)
    assert f"{path}: sha256 differs. Expected {DIGEST}" in text
    assert sha256(b"other").hexdigest() in text
    assert path.read_bytes() == b"other"


def test_a_package_without_a_digest_is_refused() -> None:
    with pytest.raises(UsageError, match=f"{ADDRESS} has no sha256"):
        download(digest=None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (ADDRESS, True),
        ("package:tiny-weights", False),
        ("package:/etc/passwd", False),
        ("package:a/../../x", False),
        ("https://a.b/c", False),
    ],
)
def test_what_is_a_packages_address(url: str, expected: bool) -> None:
    assert is_package(url) is expected
