"""The library is chosen by `PPIM_NATIVE`, and a wrong one is refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ppim_port.errors import UsageError
from ppim_port.native import library
from ppim_port.native.library import PATH, VARIABLE, load_named
from tests.support.native import ISAS, needs_kernels, on_every_set

REBUILD = "python -m ppim_port.native.build"

# The name is cached for good in a process, so the choice is tried uncached.
load = library.load.__wrapped__


@needs_kernels
@on_every_set
def test_a_named_set_is_taken(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, isa)
    found = load()
    assert found is not None
    assert found.isa == isa


@needs_kernels
def test_the_fastest_set_is_taken_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    found = load()
    assert found is not None
    assert found.isa == ISAS[-1]


def test_generic_kernels_run_everywhere() -> None:
    assert not PATH.exists() or ISAS[0] == "generic"


def test_off_is_as_if_there_were_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert load() is None
    monkeypatch.setattr(library, "load", load)
    with pytest.raises(UsageError, match="PPIM_NATIVE=off") as caught:
        library.require()
    assert REBUILD in str(caught.value)


@needs_kernels
@pytest.mark.parametrize("name", ["nonsense", "AVX2", " "])
def test_an_unknown_set_is_refused_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(UsageError, match=f"{VARIABLE}={name}: .*generic.*off"):
        load()


def test_without_a_library_nothing_is_loaded_and_a_named_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(library, "PATH", tmp_path / "absent.so")
    assert load() is None
    with pytest.raises(UsageError, match="is absent") as caught:
        load_named("generic", tmp_path / "absent.so")
    assert REBUILD in str(caught.value)


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.so"
    path.write_bytes(b"no library")
    with pytest.raises(UsageError, match="is no library of ours") as caught:
        load_named("", path)
    assert REBUILD in str(caught.value)
    assert str(path) in str(caught.value)


@needs_kernels
def test_a_library_of_another_interface_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "abi", lambda: "another")
    with pytest.raises(UsageError, match="built from other sources") as caught:
        load_named()
    assert REBUILD in str(caught.value)


@needs_kernels
def test_the_environment_decides_in_a_new_process() -> None:
    code = "from ppim_port.native import available; print(available())"
    for wanted, expected in (("off", "False"), ("generic", "True")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={VARIABLE: wanted},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
