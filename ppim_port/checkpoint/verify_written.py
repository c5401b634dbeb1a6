"""Whether a file on the disk holds a state dict: keys, order, dtypes, shapes, bits."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np

from ppim_port.checkpoint.prepared import contiguous, raw_bytes
from ppim_port.checkpoint.read import open_checkpoint
from ppim_port.errors import CorruptCheckpointError
from ppim_port.state_dict import Array, FrameworkName, StateDict


def check_same_bits(
    state: StateDict, path: Path, *, framework: FrameworkName, target: Path
) -> None:
    """Read `path` back and compare it with `state`, NaN payloads included.

    Args:
        state: What was meant to be written.
        path: Where it lies.
        framework: What the reader must find.
        target: The name it is to have, for messages.

    Raises:
        CorruptCheckpointError: Naming the first difference.
    """
    # A Keras archive has one level, which is no choice.
    back = open_checkpoint(path, container=() if framework != "keras" else None)
    if back.framework != framework:
        raise _differs(target, "its framework")
    # One at a time: all that was read back would be as large as all that was written.
    for (key, value), (found, got) in zip_longest(
        state.items(), back.tensors, fillvalue=(None, None)
    ):
        if key != found or value is None or got is None:
            raise _differs(target, "its keys or their order")
        if (what := _difference(value, got)) is not None:
            raise _differs(target, f"tensor {key!r}: {what}")


def _difference(wrote: Array, got: Array) -> str | None:
    expected = wrote.dtype.newbyteorder("=")
    if got.dtype != expected or got.shape != wrote.shape:
        return f"wrote {expected} {wrote.shape}, read {got.dtype} {got.shape}"
    mine, theirs = raw_bytes(contiguous(wrote)), raw_bytes(contiguous(got))
    same = np.array_equal(np.frombuffer(mine, "u1"), np.frombuffer(theirs, "u1"))
    return None if same else "its bits"


def _differs(target: Path, what: str) -> CorruptCheckpointError:
    return CorruptCheckpointError(
        f"{target}: read back and found different: {what}. The file was removed and "
        f"nothing else was touched; suspect the disk or the memory, and try again."
    )
