"""The frameworks, imported where a test needs one; a skip says which one is absent."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed")


def paddle() -> Any:
    with warnings.catch_warnings():
        # paddlepaddle 3.3.1 warns on import that ccache, a compiler's aid, is absent.
        warnings.filterwarnings("ignore", message=".*ccache", category=UserWarning)
        return pytest.importorskip("paddle", reason="paddlepaddle is not installed")


def torch_numpy(path: Path, **options: Any) -> dict[str, np.ndarray]:
    """What torch's own safe loader makes of a file, as numpy."""
    loaded = torch().load(path, weights_only=True, map_location="cpu", **options)
    return {key: value.detach().numpy() for key, value in loaded.items()}
