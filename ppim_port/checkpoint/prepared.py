"""Whether a state dict can be written, and its arrays as the formats want them.

Refused before a byte is written: keys that a format reserves or cannot spell, and
dtypes that its framework lacks. Arrays become little-endian and C-contiguous one at a
time; `np.ascontiguousarray` would turn a scalar into a vector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.complaints import unreadable
from ppim_port.checkpoint.dtypes import TORCH_STORAGE_OF, code_of
from ppim_port.checkpoint.records import NAME_TABLE, SLICE_TABLE, WriteKind
from ppim_port.state_dict import Array

_RESERVED: Mapping[WriteKind, frozenset[str]] = MappingProxyType(
    {
        "pdparams": frozenset({NAME_TABLE, SLICE_TABLE}),
        "pth": frozenset[str](),
        "safetensors": frozenset({"__metadata__"}),
        "weights.h5": frozenset[str](),
        "keras": frozenset[str](),
    }
)
_PATH = re.compile(r"(?:\w+/)+vars/[0-9]+", re.ASCII)


def check_state(state: Mapping[str, Array], kind: WriteKind, target: str) -> None:
    """Refuse what the format cannot hold.

    Raises:
        CheckpointError: Naming every key that does not fit, and why.
    """
    faults = [f"{k!r}: {why}" for k, v in state.items() if (why := _fault(k, v, kind))]
    if not state:
        faults = ["there are no tensors"]
    if len(state) > limits.MAX_TENSORS:
        faults = [f"{len(state)} tensors; at most {limits.MAX_TENSORS}"]
    if faults:
        text = f"{target}: cannot be written as {kind}: {'; '.join(faults[:20])}. "
        unreadable(text + "Nothing was written.")


def contiguous(value: Array) -> Array:
    """The array in little-endian C order, scalars as scalars; itself if it is so."""
    return np.asarray(value, dtype=value.dtype.newbyteorder("<"), order="C")


def raw_bytes(value: Array) -> memoryview:
    """The bytes of an array that is contiguous."""
    return value.reshape(-1).view(np.uint8).data


def _fault(key: object, value: object, kind: WriteKind) -> str | None:
    if type(key) is not str or not key or len(key) > limits.MAX_SHORT_TEXT // 4:
        return "a key must be text, neither empty nor longer than a thousand letters"
    if key in _RESERVED[kind] or not key.isprintable():
        return "this key is reserved, or not printable"
    if not isinstance(value, np.ndarray):
        return f"{type(value).__name__} instead of a numpy array"
    if kind in ("weights.h5", "keras") and not _PATH.fullmatch(key):
        return "a Keras file's keys are paths like layers/dense/vars/0"
    code = code_of(value.dtype)
    if code is None or (kind == "pth" and code not in TORCH_STORAGE_OF):
        return f"the dtype {value.dtype} has no place there"
    return f"{value.ndim} axes" if value.ndim > limits.MAX_DIMS else None
