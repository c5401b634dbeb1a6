"""A conversion loads no framework, and needs none; only its proof does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from convert import Request
from convert.pipeline import convert
from ppim_port.errors import MissingPackageError
from tests.convert.made import listing

FRAMEWORKS = {"torch", "paddle"}
NETWORK = {"requests", "urllib3", "tqdm"}
DECODERS = {"cv2", "PIL"}

# Prints what a run has loaded, on standard error, whatever the run prints itself.
SCRIPT = """
import sys
from convert.cli import main
code = main(sys.argv[1:])
sys.stderr.write("LOADED " + " ".join(sys.modules))
sys.exit(code)
"""
# An import of a framework anywhere is an error, as where it is not installed.
BLOCKING = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "paddle"):
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Block())
"""


def new_process(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(*words: object) -> set[str]:
    """The heavy packages that a whole run of the program has loaded."""
    done = new_process(SCRIPT, *words)
    assert done.returncode == 0, done.stderr
    names = set(done.stderr.partition("LOADED ")[2].split())
    return names & (FRAMEWORKS | NETWORK | DECODERS)


@pytest.mark.parametrize(
    "words", [["--list"], ["--list", "--json"], ["rednet152", "--plan"]]
)
def test_showing_loads_nothing_heavy(words: list[str]) -> None:
    assert loaded(*words) == set()


def test_planning_with_a_file_loads_nothing_heavy(official: Path) -> None:
    assert loaded("rednet26", "--plan", "--checkpoint", official) == set()


def test_converting_loads_nothing_heavy(official: Path, tmp_path: Path) -> None:
    words = ("rednet26", "--checkpoint", official, "--out", tmp_path, "--no-verify")
    assert loaded(*words) == set()
    assert len(listing(tmp_path)) == 2


def test_proving_loads_both_frameworks(official: Path, tmp_path: Path) -> None:
    """Also the proof that the proofs above can fail."""
    words = ("rednet26", "--checkpoint", official, "--out", tmp_path)
    assert loaded(*words) >= FRAMEWORKS


@pytest.mark.parametrize("to", ["pdparams", "safetensors", "pth"])
def test_converting_works_where_no_framework_is_installed(
    to: str, official: Path, tmp_path: Path
) -> None:
    words = ("rednet26", "--checkpoint", official, "--out", tmp_path, "--no-verify")
    done = new_process(BLOCKING + SCRIPT, *words, "--to", to)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"rednet26.{to}").stat().st_size > 30_000_000


def test_help_works_where_no_framework_is_installed() -> None:
    done = new_process(BLOCKING + SCRIPT, "--help")
    assert done.returncode == 0
    assert "--no-verify" in done.stdout


def test_the_block_blocks() -> None:
    assert "No module named 'torch'" in new_process(f"{BLOCKING}import torch").stderr


@pytest.mark.parametrize(
    ("absent", "package"), [("torch", "torch"), ("paddle", "paddlepaddle")]
)
@pytest.mark.parametrize("at_hand", [True, False])
def test_a_proof_without_its_framework_is_refused_before_anything_is_touched(
    absent: str,
    package: str,
    at_hand: bool,
    official: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def touched(*args: Any, **options: Any) -> None:
        pytest.fail("something was read or fetched")

    monkeypatch.setitem(sys.modules, absent, None)
    for stage in ("read", "sha256_file", "fetch_weights", "cached_weights"):
        monkeypatch.setattr(f"convert.pipeline.{stage}", touched)
    checkpoint = official if at_hand else None
    with pytest.raises(MissingPackageError) as caught:
        convert(Request("rednet26", checkpoint=checkpoint, out=tmp_path))
    text = str(caught.value)
    assert text.startswith(f"{package} is not installed: run  pip install ")
    assert f"ppim-port[{absent}]" in text
    assert caught.value.exit_code == 2
    assert listing(tmp_path) == {}
