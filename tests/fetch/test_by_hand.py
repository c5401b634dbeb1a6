"""A failed download says how to go on by hand, in the words of the program asked."""

from __future__ import annotations

import pytest

from convert.cli import main as convert
from eval.cli import main as evaluate
from ppim_port import create_model
from ppim_port.errors import DigestError, FetchError
from ppim_port.fetch.outcome import Refused
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, Answer, Server
from tests.fetch.test_download import Build


@pytest.fixture
def no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        message = "HTTP 404 Not Found"
        raise Refused(message)

    monkeypatch.setattr("ppim_port.fetch.source.fetch_from", gone)


@pytest.mark.usefixtures("no_source")
def test_convert_names_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(["rednet26", "--quiet"]) == 3
    assert capsys.readouterr().err.endswith("pass it as  --checkpoint FILE\n")


@pytest.mark.usefixtures("no_source")
def test_evaluate_names_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(["--model", "rednet26", "--val-dir", ".", "--quiet"]) == 3
    assert capsys.readouterr().err.endswith("pass it as  --weights FILE\n")


@pytest.mark.usefixtures("no_source")
def test_the_library_names_its_argument() -> None:
    with pytest.raises(FetchError, match=r"pass it as  weights=PATH$"):
        create_model("rednet26", weights="official")


def test_a_wrong_digest_says_so_too(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", Answer(BODY))
    with pytest.raises(DigestError, match="pass it as  --by-hand FILE"):
        get(source(sha256="0" * 64))
