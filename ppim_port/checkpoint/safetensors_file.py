"""Reading .safetensors: a JSON header and one run of bytes, mapped, never copied whole.

Parsed here and not by the library because a tensor must be a view of the mapped file;
the format is a page long. Refused: headers whose offsets leave gaps, overlap or lie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from struct import Struct
from types import MappingProxyType
from typing import Any

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.arrays import (
    Budget,
    Window,
    integers,
    named,
    plain_window,
    take,
)
from ppim_port.checkpoint.complaints import damaged, refused, unreadable
from ppim_port.checkpoint.dtypes import BFLOAT16, SAFETENSORS_CODES, little_endian
from ppim_port.errors import (
    CorruptCheckpointError,
)
from ppim_port.state_dict import KNOWN_FRAMEWORKS, Array, FrameworkName, StateDict

METADATA_KEY = "ppim_port"
_LENGTH = Struct("<Q")
_ALIASES = MappingProxyType({"pt": "torch", "pd": "paddle"})


@dataclass(frozen=True, slots=True)
class SafeFile:
    """The contents of a .safetensors file; fields as in `Checkpoint`."""

    state: StateDict
    framework: FrameworkName
    left_behind: tuple[str, ...]
    stored_dtypes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    window: Window
    start: int
    end: int


def read_safetensors(view: memoryview, where: str, budget: Budget) -> SafeFile:
    """Parse the header and view the tensors.

    Raises:
        CheckpointError: A dtype that we do not read.
        CorruptCheckpointError: Cut off, or a header that does not fit the bytes.
        UnsafeCheckpointError: More tensors or bytes than are honest.
    """
    header, data = _header(view, where)
    metadata = _metadata(header.pop("__metadata__", {}), where)
    if len(header) > limits.MAX_TENSORS:
        refused(f"{where}: {len(header)} tensors")
    entries = [_entry(key, value, where) for key, value in header.items()]
    _check_tiling(entries, data, where)
    entries = _in_written_order(entries, metadata, where)
    state = {e.key: _tensor(e, data, where, budget) for e in entries}
    widened = {e.key: BFLOAT16 for e in entries if e.window.code == BFLOAT16}
    left = ("__metadata__",) if metadata else ()
    return SafeFile(state, _framework(metadata, state), left, widened)


def _header(view: memoryview, where: str) -> tuple[dict[str, Any], memoryview]:
    if len(view) < _LENGTH.size:
        damaged(f"{where}: cut off in its header")
    (length,) = _LENGTH.unpack_from(view)
    end = _LENGTH.size + length
    if length > limits.MAX_HEADER_BYTES or end > len(view):
        damaged(f"{where}: a header of {length} bytes; the file has {len(view)}")
    header = _json(bytes(view[_LENGTH.size : end]), where)
    if type(header) is not dict:
        damaged(f"{where}: the header is not a JSON object")
    return header, view[end:]


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        kind = type(error).__name__
        message = f"{where}: the header is not proper JSON ({kind})"
        raise CorruptCheckpointError(message) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        text = "the same key twice"
        raise ValueError(text)
    return made


def _metadata(raw: object, where: str) -> dict[str, str]:
    if type(raw) is not dict or not all(type(v) is str for v in raw.values()):
        damaged(f"{where}: __metadata__ is not text to text")
    return raw


def _entry(key: str, value: object, where: str) -> _Entry:
    name = named(where, key)
    fields = {"dtype", "shape", "data_offsets"}
    if type(value) is not dict or set(value) != fields:
        damaged(f"{name}: a broken header entry")
    kind = value["dtype"] if type(value["dtype"]) is str else ""
    code = SAFETENSORS_CODES.get(kind)
    if code is None:
        unreadable(f"{name} has the dtype {kind[:16]!a}, which is not read here")
    if not key or not key.isprintable():
        unreadable(f"{name}: its key is not proper text")
    offsets = integers(name, value["data_offsets"])
    window = plain_window(name, code, value["shape"])
    size = prod(window.shape) * little_endian(code).itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size:
        damaged(f"{name}: its shape needs {size} bytes, its offsets say otherwise")
    return _Entry(key, window, *offsets)


def _check_tiling(entries: list[_Entry], data: memoryview, where: str) -> None:
    """Every byte belongs to one tensor: nothing hidden, nothing shared."""
    spans = sorted((entry.start, entry.end) for entry in entries)
    edges = [(0, 0), *spans, (len(data), len(data))]
    if any(left[1] != right[0] for left, right in pairwise(edges)):
        damaged(
            f"{where}: its tensors do not fill its {len(data)} bytes of data: it was "
            f"cut off or edited. Download it again."
        )


def _in_written_order(
    entries: list[_Entry], metadata: dict[str, str], where: str
) -> list[_Entry]:
    """The order that our writer noted: the library sorts tensors by size of dtype."""
    order = _ours(metadata).get("keys")
    if order is None:
        return entries
    by_key = {entry.key: entry for entry in entries}
    proper = type(order) is list and all(type(key) is str for key in order)
    if not proper or sorted(order) != sorted(by_key):
        damaged(f"{where}: the noted order of keys does not fit")
    return [by_key[key] for key in order]


def _ours(metadata: dict[str, str]) -> dict[str, Any]:
    try:
        noted = json.loads(metadata.get(METADATA_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return noted if type(noted) is dict else {}


def _tensor(entry: _Entry, data: memoryview, where: str, budget: Budget) -> Array:
    budget.spend(entry.end - entry.start, entry.key)
    return take(named(where, entry.key), entry.window, data[entry.start : entry.end])


def _framework(metadata: dict[str, str], state: StateDict) -> FrameworkName:
    """As noted by us or by the file's writer, else as the keys' endings say."""
    said = _ours(metadata).get("framework")
    alias = _ALIASES.get(metadata.get("format", ""))
    for name in KNOWN_FRAMEWORKS:
        if name == said or (said is None and name == alias):
            return name
    if any("/vars/" in key for key in state):
        return "keras"
    paddle = any(key.endswith(("._mean", "._variance")) for key in state)
    return "paddle" if paddle else "torch"
