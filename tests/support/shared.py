"""The sample files beside the repository: where they are, and what to say if not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ppim_port.state_dict import Array, StateDict

SHARED = Path(__file__).resolve().parents[3] / "shared"
GOLDEN = SHARED / "golden"
PICTURES = SHARED / "imagenet-sample" / "wnid"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the golden files are not at {SHARED}"
)


@cache
def golden_state() -> StateDict:
    """The official implementation's own checkpoint, keys as stored."""
    from ppim_port.checkpoint import read

    return read(GOLDEN / "rednet26.pth").state


@cache
def golden_outputs() -> dict[str, Array]:
    """What the official implementation made of pictures and of noise."""
    with np.load(GOLDEN / "rednet26_logits.npz") as file:
        return {name: file[name] for name in file.files}


def golden_noise() -> Array:
    """The noise that the golden `random_logits` belong to, `[8, 3, 224, 224]`."""
    shape = (8, 3, 224, 224)
    return np.random.default_rng(1234).standard_normal(shape).astype(np.float32)
