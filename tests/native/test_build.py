"""The kernels are built whole or not at all, and a failure says why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ppim_port.native import arguments, build
from ppim_port.native.library import load_named

COMPILER = shutil.which("c++")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no c++ here")


def test_no_compiler_is_said_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++ --option")
    with pytest.raises(build.BuildError, match=r"No C\+\+ compiler: /nowhere/c\+\+ "):
        build.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_a_failing_build_says_what_the_compiler_said_and_leaves_the_old_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "src"
    shutil.copytree(build.SOURCES, sources)
    with (sources / "dispatch.cpp").open("a") as file:
        file.write("#error a sentence of ours\n")
    (sources / "kernels.cpp").write_text("")
    monkeypatch.setattr(build, "SOURCES", sources)
    old = tmp_path / "out" / build.NAME
    old.parent.mkdir()
    old.write_bytes(b"the old one")
    with pytest.raises(build.BuildError, match="a sentence of ours") as caught:
        build.build(old.parent)
    assert "compiler refused" in str(caught.value)
    assert old.read_bytes() == b"the old one"
    assert list(old.parent.iterdir()) == [old]


@needs_compiler
def test_a_build_that_cannot_be_put_in_place_leaves_the_old_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str | Path]) -> None:
        if "-shared" in command:
            Path(command[command.index("-o") + 1]).write_bytes(b"new")

    def fail(self: Path, target: Path) -> None:
        raise PermissionError

    old = tmp_path / build.NAME
    old.write_bytes(b"the old one")
    monkeypatch.setattr(build, "_run", run)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PermissionError):
        build.build(tmp_path)
    assert old.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [old]
    monkeypatch.undo()
    monkeypatch.setattr(build, "_run", run)
    assert build.build(tmp_path).read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [old]


def test_an_empty_cxx_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "")
    assert build._compiler() == ["c++"]
    monkeypatch.setenv("CXX", "ccache g++")
    assert build._compiler() == ["ccache", "g++"]


def test_what_every_processor_runs_is_linked_first() -> None:
    names = [name for name, _, _ in build._units()]
    assert names[:3] == ["parallel", "dispatch", "generic"]


def test_every_source_is_built_or_included() -> None:
    units = {source for _, source, _ in build._units()}
    included = {
        name
        for path in build.SOURCES.iterdir()
        for name in re.findall(r'#include "(.*)"', path.read_text())
    }
    assert {path.name for path in build.SOURCES.iterdir()} == units | included


def test_the_structures_of_python_are_those_of_c() -> None:
    """Names and order; a type is told by C's own word before the name."""
    source = (build.SOURCES / "arguments.h").read_text()
    kinds = {"int64_t": "c_long", "int32_t": "c_int"}
    for structure in arguments.FUNCTIONS.values():
        (text,) = re.findall(rf"struct {structure.__name__} {{(.*?)}};", source, re.S)
        text = re.sub(r"//.*", "", text)
        declared = []
        for line in filter(None, map(str.strip, text.split(";"))):
            kind, names = re.split(r"\s+(?=[\w, ]+$)", line, maxsplit=1)
            short = kinds.get(kind, "c_void_p")
            declared += [(name.strip(), short) for name in names.split(",")]
        ours = [(name, kind.__name__) for name, kind in structure._fields_]  # type: ignore[misc]
        assert ours == declared


@needs_compiler
@pytest.mark.slow
def test_a_build_from_the_command_line_gives_a_library_that_loads(
    tmp_path: Path,
) -> None:
    package = tmp_path / "ppim_port"
    shutil.copytree(build.SOURCES.parents[1], package)
    (package / "native" / build.NAME).unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "ppim_port.native.build"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path == package / "native" / build.NAME
    assert load_named("generic", path).isa == "generic"


def test_a_failing_build_from_the_command_line_ends_with_the_reason() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "ppim_port.native.build"],
        env=os.environ | {"CXX": "/nowhere/c++"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No C++ compiler: /nowhere/c++")


@needs_compiler
def test_a_compiler_that_lacks_an_instruction_set_builds_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old-c++"
    old.write_text(
        "#!/bin/sh\n"
        'for word; do case "$word" in -mavx512*) exit 1;; esac; done\n'
        f'exec {COMPILER} "$@"\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("CXX", str(old))
    names = {name for name, _, _ in build._units()}
    assert "generic" in names
    assert not names & {"avx512", "avx512bf16", "amx"}
