"""The built wheel works in an empty environment, from any working folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ppim_port.checkpoint import write
from ppim_port.native.build import NAME
from tests.support.states import made_state, rednet

ROOT = Path(__file__).parent.parent
# Folders of a checkout; of which the wheel takes three.
PARTS = {
    *("ppim_port", "convert", "eval", "tools"),
    *("benchmarks", "demo", "docs", "examples", "tests"),
}


def run(
    *command: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources: a build puts its library beside those that it compiled."""
    folder = tmp_path_factory.mktemp("checkout")
    old = shutil.ignore_patterns("__pycache__", NAME)
    for path in (ROOT / ".gitignore", *ROOT.glob("[!.]*")):
        if path.name in PARTS:
            shutil.copytree(path, folder / path.name, ignore=old)
        elif path.is_file():
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that knows no wide instructions: each set of them compiles for seconds.

    `test_wheel_native.py` has a wheel of all of them, by night.
    """
    path = tmp_path_factory.mktemp("compiler") / "c++"
    path.write_text(
        '#!/bin/sh\nfor word; do case "$word" in -mavx*) exit 1;; esac; done\n'
        'exec c++ "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def wheel(
    checkout: Path, compiler: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    done = run(sys.executable, *command, checkout, cwd=folder, CXX=str(compiler))
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console scripts of an environment that holds the wheel and its core."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    bin_folder = folder / "bin"
    done = run(
        *(bin_folder / "python", "-m", "pip", "install", "--quiet"),
        *("--disable-pip-version-check", "-c", ROOT / "constraints.txt", wheel),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return bin_folder


def test_wheel_holds_the_packages_and_the_manifest_and_nothing_else(
    wheel: Path,
) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"ppim_port", "convert", "eval"}
    assert "ppim_port/weights.json" in names
    assert "ppim_port/data/imagenet_wnids.txt" in names
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_wheel_holds_the_kernels_and_is_for_this_platform_where_a_compiler_is(
    wheel: Path,
) -> None:
    built = shutil.which("c++") is not None
    names = zipfile.ZipFile(wheel).namelist()
    assert (f"ppim_port/native/{NAME}" in names) == built
    assert "ppim_port/native/src/convolution.h" in names
    assert wheel.name.endswith("-py3-none-any.whl") != built


@pytest.mark.parametrize("program", ["convert", "ppim-convert"])
def test_list_works_without_frameworks(
    scripts: Path, tmp_path: Path, program: str
) -> None:
    done = run(scripts / program, "--list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rednet152" in done.stdout


def test_conversion_works_without_frameworks_where_others_have_their_files(
    scripts: Path, tmp_path: Path
) -> None:
    for name in ("eval.py", "torch.py", "numpy.py", "cv2.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong file')\n")
    write(
        made_state(rednet(), "official"),
        tmp_path / "a.pth",
        kind="pth",
        framework="torch",
    )
    options = ("rednet26", "--checkpoint", "a.pth", "--no-verify", "--json")
    done = run(scripts / "convert", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["keys"]["target"] == 211
    again = run(scripts / "python", "-m", "convert", *options, "--force", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("program", ["convert", "evaluate"])
def test_missing_framework_is_one_sentence_with_the_command(
    scripts: Path, tmp_path: Path, program: str
) -> None:
    np.savez(tmp_path / "x.npz", np.zeros(1))
    options = {
        "convert": ("rednet26", "--checkpoint", "x.npz"),
        "evaluate": ("--model", "rednet26", "--val-dir", "."),
    }
    done = run(scripts / program, *options[program], cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install" in done.stderr
    assert done.stdout == ""
