"""Every shared model, proven with real nets both ways; for the night."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert import PairRequest, convert_pair
from ppim_port.checkpoint import read, write
from ppim_port.errors import MappingError, VerificationError
from ppim_port.pairs.seeded import seeded_state
from tests.pairs.made import MENDED, SAME, STRANGERS, pair_of

# 9e-15 was the largest of all models with torch 2.13.0 and paddlepaddle 3.3.1.
LARGEST = 1e-12


def source(model: str, folder: Path) -> Path:
    path = folder / "source.pth"
    write(seeded_state(pair_of(model)[0]), path, kind="pth", framework="torch")
    return path


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", [*SAME, *MENDED])
def test_a_model_is_proven_both_ways_and_comes_back_bit_for_bit(
    model: str, tmp_path: Path
) -> None:
    nets = (f"torchvision:{model}", f"paddle.vision:{model}")
    mend = model in MENDED
    path = source(model, tmp_path)
    there = convert_pair(PairRequest(*nets, path, tmp_path, mend=mend))
    back = convert_pair(
        PairRequest(*nets[::-1], there.written.path, tmp_path, mend=mend)
    )
    for outcome in (there, back):
        assert outcome.proof is not None
        assert outcome.proof.max_relative_difference < LARGEST
        assert (outcome.proof.reference or 0) < LARGEST
    before, after = read(path).state, read(back.written.path).state
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
