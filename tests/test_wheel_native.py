"""The C++ kernels are an optional part of the wheel, and all of it in the sdist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ppim_port.native.build import NAME, SOURCES

ROOT = Path(__file__).parent.parent
KERNELS = f"ppim_port/native/{NAME}"
NO_COMPILER = {"CXX": "/nowhere/c++"}

needs_compiler = pytest.mark.skipif(
    shutil.which("c++") is None, reason="there is no c++ here"
)


def run(
    *command: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def build(
    kind: str, out: Path, root: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = ("-m", "build", f"--{kind}", "--no-isolation", "--outdir", out, root)
    return run(sys.executable, *command, cwd=out, **variables)


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that was built without a compiler, while an old library lay there."""
    folder = tmp_path_factory.mktemp("pure")
    done = build("wheel", folder, **NO_COMPILER)
    assert done.returncode == 0, done.stderr
    assert "ppim-port goes without its C++ kernels. No C++ compiler" in (
        done.stdout + done.stderr
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    done = build("sdist", folder, **NO_COMPILER)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.tar.gz")
    return built


def unpacked(archive: Path, folder: Path) -> Path:
    shutil.unpack_archive(archive, folder, "zip" if archive.suffix == ".whl" else None)
    return folder


def test_without_a_compiler_the_wheel_is_pure_python(pure: Path) -> None:
    assert pure.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(pure).namelist()
    assert KERNELS not in names
    assert "ppim_port/native/library.py" in names


def test_the_pure_wheel_works_and_says_that_it_goes_without(
    pure: Path, tmp_path: Path
) -> None:
    folder = unpacked(pure, tmp_path)
    code = (
        "import ppim_port; ppim_port.show_config()\n"
        "print(ppim_port.__file__, ppim_port.list_models())\n"
        "from ppim_port.native import available; print(available())"
    )
    done = run(sys.executable, "-c", code, cwd=folder, PYTHONPATH=str(folder))
    assert done.returncode == 0, done.stderr
    assert "not built; with a C++ compiler: python -m ppim_port.native.build" in (
        done.stdout
    )
    assert str(folder) in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_who_requires_the_kernels_gets_no_wheel_without_them(tmp_path: Path) -> None:
    done = build("wheel", tmp_path, **NO_COMPILER, PPIM_NATIVE_BUILD="require")
    assert done.returncode != 0
    assert "No C++ compiler: /nowhere/c++" in done.stdout + done.stderr
    assert list(tmp_path.glob("*.whl")) == []


def test_who_wants_no_kernels_gets_a_pure_wheel(tmp_path: Path) -> None:
    done = build("wheel", tmp_path, PPIM_NATIVE_BUILD="off")
    assert done.returncode == 0, done.stderr
    (built,) = tmp_path.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
    assert KERNELS not in zipfile.ZipFile(built).namelist()


def test_the_sdist_holds_every_source_and_no_library(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {f"ppim_port/native/src/{path.name}" for path in SOURCES.iterdir()}
    assert sources <= names
    assert {"tools/native_hook.py", "ppim_port/native/build.py"} <= names
    assert KERNELS not in names


@pytest.mark.slow
@needs_compiler
def test_a_wheel_from_the_sdist_has_kernels_that_run(
    sdist: Path, tmp_path: Path
) -> None:
    (root,) = unpacked(sdist, tmp_path / "source").iterdir()
    out = tmp_path / "out"
    out.mkdir()
    done = build("wheel", out, root, PPIM_NATIVE_BUILD="require")
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    assert "-py3-none-" in built.name
    assert not built.name.endswith("-any.whl")
    folder = unpacked(built, tmp_path / "wheel")
    code = "from ppim_port.native.library import *; print(PATH, load_named().isa)"
    ran = run(sys.executable, "-c", code, cwd=folder, PYTHONPATH=str(folder))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(str(folder / KERNELS))
