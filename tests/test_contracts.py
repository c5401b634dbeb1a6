"""Each import contract is kept, and each one bites when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINTER = Path(sys.executable).parent / "lint-imports"

# Contract -> a file, and a line that must not be in it.
BREACHES = {
    "library": ("ppim_port/table.py", "import convert.cli"),
    "programs": ("eval/metrics.py", "import convert.records"),
    "convert-stages": ("convert/provenance.py", "import convert.proof"),
    "eval-stages": ("eval/metrics.py", "import eval.ledger"),
    "torch": ("ppim_port/mapping/apply.py", "import torch"),
    "paddle": ("eval/gate.py", "import paddle"),
    "keras": ("ppim_port/checkpoint/read.py", "import h5py"),
    "onnx": ("convert/proof.py", "import onnx"),
}


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-cache", "--contract", contract],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three packages and the contracts, to be broken."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("ppim_port", "convert", "eval"):
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_has_a_breach_that_tests_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == BREACHES.keys()


@pytest.mark.parametrize("contract", BREACHES)
def test_contract_is_kept_and_bites(copy: Path, contract: str) -> None:
    name, line = BREACHES[contract]
    kept = lint(copy, contract)
    assert kept.returncode == 0, kept.stdout
    path = copy / name
    before = path.read_text()
    path.write_text(before + f"\n{line}\n")
    broken = lint(copy, contract)
    path.write_text(before)
    assert broken.returncode == 1, broken.stdout
    assert "BROKEN" in broken.stdout
