"""Run the net on a batch; when memory is short, on smaller and smaller parts of it.

A picture goes through the net by itself, so parts give the same logits as the whole,
and the ledger's batches stay what they are. Any other error ends the run at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ppim_port.backends import Backend
from ppim_port.errors import PpimError
from ppim_port.state_dict import Array

# What torch and Paddle say, on a CPU and on a GPU; they share no exception class.
_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")
_NAMES = ("ResourceExhausted",)


class Net:
    """A net that remembers how many pictures fit into memory at once.

    Args:
        backend: runs the model.
        model: of that backend.
    """

    def __init__(self, backend: Backend, model: Any) -> None:
        self._backend = backend
        self._model = model
        self.most: int | None = None

    def predict(self, images: Array) -> Array:
        """Images `[N, 3, H, W]` to logits `[N, classes]`.

        Raises:
            PpimError: not even one picture fits into memory.
        """
        parts = []
        begun = 0
        while begun < len(images):
            size = min(self.most or len(images), len(images) - begun)
            try:
                part = images[begun : begun + size]
                parts.append(self._backend.predict(self._model, part))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self.most = _halved(size, error)
                continue
            begun += size
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _halved(size: int, error: Exception) -> int:
    if size == 1:
        message = (
            f"Not enough memory to score even one picture ({error}). What was scored "
            "before is kept by --run; close other programs and run again."
        )
        raise PpimError(message) from error
    return size // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a framework, or Python's own, means too little memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return any(sign in text.lower() for sign in _SIGNS) or any(
        name in text for name in _NAMES
    )
