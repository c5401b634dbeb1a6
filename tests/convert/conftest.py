"""A cache of one's own, and source files and ports that are made once a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from convert import Request
from convert.cli import main
from convert.pipeline import convert
from convert.records import Outcome
from ppim_port.state_dict import FrameworkName
from tests.convert.chains import Chain, linked
from tests.convert.made import REDNET26, save_as, save_official, unproven
from tests.support.fake_backend import FakeBackend
from tests.support.states import made_state


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PPIM_PORT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "rednet26-official.pth"
    return save_official(path, made_state(REDNET26, "official"))


@pytest.fixture(scope="session")
def paddle_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paddle") / "RedNet26_pretrained.pdparams"
    return save_as("paddle", path)


@pytest.fixture(scope="session")
def ported(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The official file's port to Paddle, really proven."""
    out = tmp_path_factory.mktemp("ported")
    return convert(Request("rednet26", checkpoint=official, out=out))


@pytest.fixture
def fake_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof runs with nets that are a classifier alone: milliseconds."""

    def backend(name: FrameworkName) -> FakeBackend:
        return FakeBackend(name)

    monkeypatch.setattr("convert.proof.get_backend", backend)


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """The program in this process, as if typed."""

    def typed(*words: object) -> Ran:
        try:
            code = main([str(word) for word in words])
        except SystemExit as leave:  # argparse's way out
            code = int(leave.code or 0)
        return Ran(code, *capsys.readouterr())

    return typed


@pytest.fixture(scope="module")
def made_chain(tmp_path_factory: pytest.TempPathFactory, official: Path) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    chain = Chain(folder)
    shutil.copy(official, chain.a)
    unproven(chain.a, chain.b)
    unproven(chain.b, chain.c)
    return folder


@pytest.fixture
def chain(made_chain: Path, tmp_path: Path) -> Chain:
    """A copy, to be broken."""
    folder = tmp_path / "chain"
    shutil.copytree(made_chain, folder, copy_function=linked)
    return Chain(folder)
