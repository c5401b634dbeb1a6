"""Every shared model, proven with real nets both ways; for the night."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convert import PairRequest, convert_pair
from ppim_port.checkpoint import read, write
from ppim_port.errors import MappingError, VerificationError
from ppim_port.pairs.seeded import seeded_state
from tests.pairs.made import MENDED, SAME, STRANGERS, pair_of

ROOT = Path(__file__).parents[2]
# 9e-15 was the largest of all models with torch 2.13.0 and paddlepaddle 3.3.1.
LARGEST = 1e-12


def source(model: str, folder: Path) -> Path:
    path = folder / "source.pth"
    write(seeded_state(pair_of(model)[0]), path, kind="pth", framework="torch")
    return path


def converted(nets: tuple[str, ...], path: Path, out: Path, *, mend: bool) -> None:
    """Port in a process of its own, and hold its proof against what is allowed.

    A VGG and its proof take 7 GB, which a process that goes on does not give back.
    """
    words = ["--from", nets[0], "--checkpoint", str(path), "--to", nets[1]]
    words += ["--out", str(out), "--quiet", "--json", *(["--mend"] if mend else [])]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "convert", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    proof = json.loads(done.stdout)["parity"]
    assert proof["max_relative_difference"] < LARGEST
    assert (proof["reference"] or 0) < LARGEST


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", [*SAME, *MENDED])
def test_a_model_is_proven_both_ways_and_comes_back_bit_for_bit(
    model: str, tmp_path: Path
) -> None:
    nets = (f"torchvision:{model}", f"paddle.vision:{model}")
    mend = model in MENDED
    path = source(model, tmp_path)
    there, back = tmp_path / f"{model}.pdparams", tmp_path / f"{model}.pth"
    converted(nets, path, there, mend=mend)
    converted(nets[::-1], there, back, mend=mend)
    before, after = read(path).state, read(back).state
    assert all(np.array_equal(before[key], value) for key, value in after.items())
    assert {key.split(".")[0] for key in before.keys() - after.keys()} <= {"AuxLogits"}


@pytest.mark.slow
@pytest.mark.parametrize("model", [*MENDED, *STRANGERS])
def test_a_model_that_differs_is_refused_unmended(model: str, tmp_path: Path) -> None:
    nets = (f"torchvision:{model}", f"paddle.vision:{model}")
    path = source(model, tmp_path)
    out = tmp_path / "out.pdparams"
    with pytest.raises((MappingError, VerificationError)):
        convert_pair(PairRequest(*nets, path, out))
    assert not out.exists()
