"""Compare a state dict with a net before anything is changed.

torch's `strict=True` raises after it has changed the net, and Paddle's
`set_state_dict` only warns (torch 2.13.0, paddlepaddle 3.3.1); so neither is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ppim_port.errors import MappingError
from ppim_port.models.family import Shape
from ppim_port.state_dict import Array


def check_fits(
    state: Mapping[str, Array], expected: Mapping[str, tuple[Shape, str]], owner: str
) -> None:
    """Accept exactly the expected keys, shapes, and dtypes that widen losslessly.

    Args:
        state: what would be loaded.
        expected: key -> shape and dtype name in the net.
        owner: the net's name, for the message.

    Raises:
        MappingError: everything that does not fit, sorted; the net is unchanged.
    """
    lines = [f"missing: {key}" for key in sorted(expected.keys() - state.keys())]
    lines += [f"unexpected: {key}" for key in sorted(state.keys() - expected.keys())]
    for key in sorted(expected.keys() & state.keys()):
        lines += [f"{key}: {text}" for text in _misfits(state[key], *expected[key])]
    if lines:
        text = "\n  ".join(lines)
        message = f"{owner}: {len(lines)} problems, nothing was loaded:\n  {text}"
        raise MappingError(message)


def _misfits(value: Array, shape: Shape, dtype: str) -> Iterator[str]:
    if tuple(value.shape) != tuple(shape):
        yield f"shape {list(value.shape)}, expected {list(shape)}"
    if not np.can_cast(value.dtype, dtype, casting="safe"):
        yield f"dtype {value.dtype}, expected {dtype}"
