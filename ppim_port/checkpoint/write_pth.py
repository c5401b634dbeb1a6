"""Writing .pth: the zip that torch.load(weights_only=True) reads, mmap included.

The same bytes every time: a fixed root, no time stamps, storages numbered in order.
Refused: members of 4 GiB and more, which need zip64; the nets here have 0.14 GiB.
"""

from __future__ import annotations

import zlib
from struct import pack
from typing import BinaryIO

from ppim_port.checkpoint.complaints import unreadable
from ppim_port.checkpoint.dtypes import TORCH_STORAGE_OF, code_of
from ppim_port.checkpoint.pickle_emit import (
    STOP,
    get,
    global_name,
    integer,
    integers,
    proto,
    put,
    text,
)
from ppim_port.checkpoint.prepared import contiguous, raw_bytes
from ppim_port.state_dict import Array, StateDict

_ROOT = "archive"
_ALIGNMENT = 64
_LIMIT = 1 << 32
_MAX_MEMBERS = 0xFFFE
_DOS_1980 = 0x21  # 1980-01-01, the earliest day that zip can say
_ORDERED_DICT, _REBUILD, _STORAGE, _CPU = range(4)


def write_pth(state: StateDict, file: BinaryIO) -> None:
    """Stream `state` as an OrderedDict of tensors, one tensor in memory at a time.

    Raises:
        CheckpointError: It needs zip64.
    """
    archive = _Archive(file)
    archive.add("data.pkl", memoryview(_pickle(state)))
    archive.add("byteorder", memoryview(b"little"))
    for number, value in enumerate(state.values()):
        archive.add(f"data/{number}", raw_bytes(contiguous(value)))
    archive.add("version", memoryview(b"3\n"))
    archive.close()


class _Archive:
    """A zip of uncompressed members whose data starts at multiples of 64 bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._directory: list[bytes] = []

    def add(self, name: str, data: memoryview) -> None:
        """Append one member; its CRC is known first, so no descriptor follows."""
        raw = f"{_ROOT}/{name}".encode("ascii")
        self._check_room(data.nbytes)
        fields = pack(
            "<HHHHHLLLH",
            *(10, 0, 0, 0, _DOS_1980),
            *(zlib.crc32(data), data.nbytes, data.nbytes, len(raw)),
        )
        self._directory.append(
            pack("<4sH", b"PK\1\2", 10)
            + fields
            + pack("<HHHHLL", 0, 0, 0, 0, 0, self._at)
            + raw
        )
        padding = self._padding(len(raw))
        self._write(b"PK\3\4" + fields + pack("<H", len(padding)) + raw + padding)
        self._write(data)

    def close(self) -> None:
        """Write the directory."""
        start, count = self._at, len(self._directory)
        self._write(b"".join(self._directory))
        size = self._at - start
        self._write(pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, 0))

    def _padding(self, name_length: int) -> bytes:
        """An extra field of torch's kind that brings the data to its boundary."""
        start = self._at + 30 + name_length + 4
        fill = -start % _ALIGNMENT
        return b"FB" + pack("<H", fill) + b"Z" * fill

    def _check_room(self, size: int) -> None:
        full = len(self._directory) >= _MAX_MEMBERS
        if full or size >= _LIMIT or self._at >= _LIMIT:
            unreadable("a .pth over 4 GiB or 65,000 tensors; write safetensors instead")

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._at += len(data)


def _pickle(state: StateDict) -> bytes:
    """data.pkl: protocol 2, with only the globals that weights_only=True allows."""
    ordered = global_name("collections", "OrderedDict") + put(_ORDERED_DICT) + b")R"
    parts = [proto(2), ordered, b"("]
    for number, (key, value) in enumerate(state.items()):
        parts += [text(key), _tensor(value, number)]
    return b"".join([*parts, b"u", STOP])


def _tensor(value: Array, number: int) -> bytes:
    first = number == 0
    code = code_of(value.dtype)
    assert code is not None  # checked before
    rebuild = global_name("torch._utils", "_rebuild_tensor_v2") + put(_REBUILD)
    storage = b"".join(
        [
            b"((",
            text("storage") + put(_STORAGE) if first else get(_STORAGE),
            global_name("torch", TORCH_STORAGE_OF[code]),
            text(str(number)),
            text("cpu") + put(_CPU) if first else get(_CPU),
            integer(value.size),
            b"tQ",
        ]
    )
    window = integer(0) + integers(value.shape) + integers(_strides(value.shape))
    hooks = get(_ORDERED_DICT) + b")R"
    return (
        (rebuild if first else get(_REBUILD))
        + storage
        + window
        + (b"\x89" + hooks + b"tR")
    )


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Torch's strides of a contiguous tensor, which treat a size of 0 as 1."""
    steps = [1]
    for size in reversed(shape[1:]):
        steps.append(steps[-1] * max(size, 1))
    return tuple(reversed(steps)) if shape else ()
