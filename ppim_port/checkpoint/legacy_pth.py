"""The layout of torch.save before 1.6: five pickles, then the storages' raw bytes.

It has no checksum: a flipped bit in a weight cannot be seen here.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from ppim_port.checkpoint.complaints import damaged, unreadable
from ppim_port.checkpoint.dtypes import little_endian
from ppim_port.checkpoint.pickle_machine import Machine
from ppim_port.checkpoint.pickle_reader import load_pickle
from ppim_port.checkpoint.pickle_records import Storage
from ppim_port.checkpoint.raw import Raw
from ppim_port.checkpoint.torch_storage import load_storage

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT = Struct("<q")


def read_legacy(view: memoryview, where: str) -> Raw:
    """Parse the five pickles and find the storages behind them.

    Raises:
        CheckpointError: It was written on a big-endian machine.
        CorruptCheckpointError: It is damaged.
        UnsafeCheckpointError: It asks for code.
    """
    itemsizes: dict[str, int] = {}

    def remember(m: Machine, pid: object) -> Storage:
        storage = load_storage(m, pid)
        size = little_endian(storage.code).itemsize
        if itemsizes.setdefault(storage.key, size) != size:
            m.refuse("one storage under two dtypes")
        return storage

    at = _header(view, where)
    tree, at = load_pickle(view, where=where, start=at, load_storage=remember)
    keys, at = load_pickle(view, where=where, start=at)
    return Raw(tree, _storages(view, at, _checked_keys(keys, where), itemsizes, where))


def _header(view: memoryview, where: str) -> int:
    magic, at = load_pickle(view, where=where)
    version, at = load_pickle(view, where=where, start=at)
    if magic != MAGIC or version != _VERSION:
        damaged(f"{where}: a broken header of a legacy .pth")
    info, at = load_pickle(view, where=where, start=at)
    if type(info) is not dict or info.get("little_endian") is not True:
        unreadable(f"{where}: not written on a little-endian machine; resave it on one")
    return at


def _checked_keys(keys: object, where: str) -> list[Any]:
    if type(keys) is not list or not all(type(key) is str for key in keys):
        damaged(f"{where}: a broken list of storages")
    if len(set(keys)) != len(keys):
        damaged(f"{where}: the list of storages repeats itself")
    return keys


def _storages(
    view: memoryview, at: int, keys: list[Any], itemsizes: dict[str, int], where: str
) -> dict[str, memoryview]:
    found: dict[str, memoryview] = {}
    for key in keys:
        start = at + _COUNT.size
        if key not in itemsizes or start > len(view):
            damaged(f"{where}: cut off, or a stray storage")
        (count,) = _COUNT.unpack_from(view, at)
        at = start + count * itemsizes[key]
        if count < 0 or at > len(view):
            damaged(
                f"{where}: cut off at byte {len(view)} inside a storage of {count} "
                f"elements. Download it again."
            )
        found[key] = view[start:at]
    if at != len(view):
        damaged(f"{where}: {len(view) - at} bytes follow the last storage")
    return found
