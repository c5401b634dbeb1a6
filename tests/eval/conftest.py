"""Weights made once a session, a cache of one's own, and nets that take no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.records import Request
from ppim_port.checkpoint import NATIVE_KIND, WriteKind, write
from ppim_port.state_dict import FRAMEWORKS, FrameworkName
from ppim_port.weights import load_weights
from tests.eval.made import DEMO, DEMO_LIST, record
from tests.support.fake_backend import FakeBackend
from tests.support.states import made_state, rednet

Fake = Callable[[FrameworkName], FakeBackend]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PPIM_PORT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """No framework: whoever is asked for, a linear classifier on pixels comes."""
    use_backend(monkeypatch, FakeBackend)


def use_backend(monkeypatch: pytest.MonkeyPatch, backend: Fake) -> None:
    monkeypatch.setattr("eval.prepare.require", lambda name: None)
    monkeypatch.setattr("eval.prepare.get_backend", backend)
    monkeypatch.setattr("eval.examine.get_backend", backend)


@pytest.fixture(scope="session")
def made_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RedNet-26 for Paddle with made-up numbers."""
    path = tmp_path_factory.mktemp("made") / "rednet26.pdparams"
    write(made_state(rednet(), "paddle"), path, kind="pdparams", framework="paddle")
    return path


@pytest.fixture
def demo(made_weights: Path) -> Request:
    """The demo's pictures, to be scored with the made-up weights."""
    return Request("rednet26", DEMO, DEMO_LIST, weights=made_weights)


@pytest.fixture(scope="session")
def official_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same net and numbers under the official file's names."""
    path = tmp_path_factory.mktemp("official") / "rednet26.pth"
    write(made_state(rednet(), "official"), path, kind="pth", framework="torch")
    return path


@pytest.fixture(scope="session")
def demo_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RedNet-26 in the official layout that knows the demo's pictures."""
    from demo import checkpoint

    path = tmp_path_factory.mktemp("demo") / "rednet26.pth"
    checkpoint.make(path, DEMO, DEMO_LIST)
    return path


@pytest.fixture(scope="session")
def demo_in_all_forms(demo_weights: Path) -> dict[str, Path]:
    """The demo's net as an official file and converted, in each format."""
    forms = {"official.pth": demo_weights}
    for framework in FRAMEWORKS:
        state = load_weights(demo_weights, record(), framework=framework).state
        kinds: tuple[WriteKind, ...] = (NATIVE_KIND[framework], "safetensors")
        for kind in kinds:
            path = demo_weights.with_name(f"{framework}.{kind}")
            write(state, path, kind=kind, framework=framework)
            forms[path.name] = path
    return forms
