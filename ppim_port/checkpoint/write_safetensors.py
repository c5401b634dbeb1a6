"""Writing .safetensors, byte for byte as the format's own library would.

Not by the library, because it puts a file of its own under the draft's name, which
loses the draft's lock and leaves litter when the process is killed; and because it
takes the bytes of a transposed view in the wrong order, silently.

One metadata key holds canonical JSON: with two or more the library's output varies
from run to run. It notes the order of the keys too, since the format sorts tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import pack
from types import MappingProxyType
from typing import Any, BinaryIO

from ppim_port.checkpoint.dtypes import SAFETENSORS_CODES, code_of
from ppim_port.checkpoint.prepared import contiguous, raw_bytes
from ppim_port.checkpoint.safetensors_file import METADATA_KEY
from ppim_port.state_dict import Array, FrameworkName, StateDict

# The library's order of dtypes, the widest first, so that all tensors are aligned.
_ORDER = ("u8", "i8", "f8", "f4", "u4", "i4", "f2", "u2", "i2", "i1", "u1", "b1")
_NAMES = MappingProxyType({code: name for name, code in SAFETENSORS_CODES.items()})
_ALIGNMENT = 8


def write_safetensors(
    state: StateDict,
    file: BinaryIO,
    *,
    framework: FrameworkName,
    metadata: Mapping[str, str],
) -> None:
    """Stream `state`, one tensor in memory at a time."""
    noted = {**metadata, "framework": framework, "keys": list(state)}
    text = json.dumps(noted, sort_keys=True, separators=(",", ":"))
    ordered = sorted(state.items(), key=_rank)
    header: dict[str, Any] = {"__metadata__": {METADATA_KEY: text}}
    at = 0
    for key, value in ordered:
        header[key] = _entry(value, at)
        at += value.nbytes
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    raw = raw.ljust(-(-len(raw) // _ALIGNMENT) * _ALIGNMENT)
    file.write(pack("<Q", len(raw)) + raw)
    for _, value in ordered:
        file.write(raw_bytes(contiguous(value)))


def _rank(item: tuple[str, Array]) -> tuple[int, str]:
    key, value = item
    return _ORDER.index(_code(value)), key


def _entry(value: Array, at: int) -> dict[str, Any]:
    return {
        "dtype": _NAMES[_code(value)],
        "shape": list(value.shape),
        "data_offsets": [at, at + value.nbytes],
    }


def _code(value: Array) -> str:
    code = code_of(value.dtype)
    assert code is not None  # checked before
    return code
