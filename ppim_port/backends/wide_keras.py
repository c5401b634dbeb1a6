"""Let Keras compute in float64 where it is asked to, on every backend.

Keras' type promotion makes float32 of float64 on torch and JAX, in every operator that
asks it (3.15.1: batch norms, dense layers, sums of two tensors), so a "float64" net is
a float32 one with wide variables. Its table of such dtypes is opened here while a
float64 net of ours is built or runs, and closed again. That table is Keras' own affair:
so what comes out is measured, and a Keras that still rounds is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ppim_port.backends.keras_start import keras
from ppim_port.errors import UsageError

_TABLE = "keras.src.backend.common.dtypes"
# A change that float32 cannot hold: its step at 1 is 2**-23.
_SMALL = 2.0**-40


@contextmanager
def kept(dtype: Any) -> Iterator[None]:
    """Inside of this Keras rounds no float64, if `dtype` is that."""
    # An absent table is found out by `refuse_rounding`.
    narrowed = getattr(sys.modules.get(_TABLE), "BIT64_TO_BIT32_DTYPE", {})
    before = narrowed.get("float64")
    if str(dtype) != "float64" or before is None:
        yield
        return
    narrowed["float64"] = "float64"
    try:
        yield
    finally:
        narrowed["float64"] = before


def refuse_rounding(precision: str) -> None:
    """Accept a precision that Keras' backend really computes in.

    Raises:
        UsageError: it rounds to a narrower one.
    """
    one = np.full((1, 1), 1 + _SMALL, precision)
    with kept(precision):
        tensor = keras.ops.convert_to_tensor(one, dtype=precision)
        squared = keras.ops.convert_to_numpy(keras.ops.matmul(tensor, tensor))
    if squared.dtype != precision or (squared != one @ one).any():
        engine = keras.backend.backend()
        how = "JAX_ENABLE_X64=1" if engine == "jax" else "KERAS_BACKEND=tensorflow"
        message = (
            f"Keras {keras.__version__} on {engine} rounds {precision} to "
            f"{squared.dtype}. Set {how}, and start anew. Nothing was built."
        )
        raise UsageError(message)
