"""The one type that crosses every border here: keys to numpy arrays.

Order is the file's own. Arrays may be read-only views of a mapped file; who needs
to write copies first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
StateDict: TypeAlias = dict[str, Array]
FrameworkName: TypeAlias = Literal["torch", "paddle", "keras"]

FRAMEWORKS: tuple[FrameworkName, ...] = ("torch", "paddle")
"""Those that every family has a net in."""

KNOWN_FRAMEWORKS: tuple[FrameworkName, ...] = (*FRAMEWORKS, "keras")
"""All of them; who has nets of a family says `ppim_port.models.family.nets_of`."""


def nonfinite_keys(state: Mapping[str, Array]) -> list[str]:
    """Keys of the floating-point tensors that hold NaN or an infinity.

    Asked of the tensors because the logits may not tell: Paddle's CPU relu and max
    pool swallow NaN (measured with paddlepaddle 3.3.1).
    """
    return [
        key
        for key, value in state.items()
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all()
    ]
