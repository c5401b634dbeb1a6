"""The datasets of an HDF5 file, each checked before the library touches its data.

HDF5 is a file system in a file: it can point to other files and to itself. Refused:
links that are not hard, external and virtual data, filters other than deflate, shuffle
and fletcher32 (the library would look for a plugin), an object under two names, depth,
a block for a driver, and anything that is no plain numbers. The library is C and parses
the file itself: what it makes of damaged bytes is bounded by it, not by us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.arrays import Budget, named
from ppim_port.checkpoint.complaints import damaged, refused, unreadable
from ppim_port.checkpoint.dtypes import code_of
from ppim_port.errors import CorruptCheckpointError, MissingPackageError
from ppim_port.state_dict import Array

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 32
# The superblock, in the HDF5 file format specification, version 3, section II.A: where
# its first address is, by version, and which of the addresses is the driver block's.
_ADDRESSES = {0: 24, 1: 28}
_DRIVER = 3
# What h5py was seen to raise on files that were cut off or made to harm.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)


def library() -> ModuleType:
    """H5py, imported when it is needed.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        if error.name != "h5py":
            raise
        raise MissingPackageError(error.name, "keras") from None
    module: ModuleType = h5py
    return module


@dataclass(frozen=True, slots=True)
class Hdf5:
    """The plain numbers of an HDF5 file.

    Attributes:
        tensors: path -> array, in natural order of the paths.
        bfloat16: paths whose stored dtype is that; widened to float32, exactly.
        aside: groups at the top that were passed over, with their number of datasets.
    """

    tensors: dict[str, Array]
    bfloat16: tuple[str, ...]
    aside: dict[str, int]


def read_hdf5(
    view: memoryview, where: str, budget: Budget, *, aside: frozenset[str]
) -> Hdf5:
    """Read every dataset.

    Args:
        view: the whole file.
        where: the file, for messages.
        budget: bytes that the tensors may occupy.
        aside: names of groups at the top whose datasets are only counted.

    Raises:
        CheckpointError: a dtype that weights do not have.
        CorruptCheckpointError: cut off or damaged.
        UnsafeCheckpointError: it points elsewhere, or asks for absurd resources.
        MissingPackageError: h5py is not installed.
    """
    h5py = library()
    _refuse_driver(view, where)
    try:
        identity = h5py.h5f.open_file_image(bytes(view))
        with h5py.File(identity) as file:
            return _Reader(h5py, where, budget, aside).read(file)
    except _DAMAGE as error:
        kind = type(error).__name__
        text = f"{where}: the HDF5 file is damaged ({kind}). Download it again."
        raise CorruptCheckpointError(text) from None


def _refuse_driver(view: memoryview, where: str) -> None:
    """Refuse a driver block: its size is believed, and 4 GiB are filled for nothing."""
    head = bytes(view[:96])
    if len(head) < 96 or head[8] not in _ADDRESSES:
        return  # Younger versions have none; what is too short the library refuses.
    size = head[13]
    begin = _ADDRESSES[head[8]] + _DRIVER * size
    if head[begin : begin + size] != b"\xff" * size:
        refused(f"{where}: an HDF5 file with a block for a driver: no weights have one")


@dataclass(slots=True)
class _Reader:
    h5py: Any
    where: str
    budget: Budget
    aside: frozenset[str]
    seen: set[int] = field(default_factory=set)

    def read(self, file: Any) -> Hdf5:
        found = dict(self._datasets(file, "", 0))
        counted: dict[str, int] = {}
        tensors: dict[str, Array] = {}
        wide: list[str] = []
        for path in sorted(found, key=natural):
            top = path.partition("/")[0]
            if top in self.aside:
                counted[top] = counted.get(top, 0) + 1
                continue
            value, was_wide = self._array(found[path], path)
            tensors[path] = value
            wide += [path] if was_wide else []
        return Hdf5(tensors, tuple(wide), counted)

    def _datasets(
        self, group: Any, prefix: str, depth: int
    ) -> Iterator[tuple[str, Any]]:
        if depth > MAX_DEPTH:
            refused(f"{self.where}: groups in each other, more than {MAX_DEPTH} deep")
        for name in group:
            path = f"{prefix}{name}"
            item = self._item(group, name, path)
            if isinstance(item, self.h5py.Group):
                yield from self._datasets(item, f"{path}/", depth + 1)
            elif isinstance(item, self.h5py.Dataset):
                yield path, item
            else:
                unreadable(f"{named(self.where, path)} is no dataset and no group")

    def _item(self, group: Any, name: str | bytes, path: str) -> Any:
        # Bytes are what h5py makes of a name that is no UTF-8.
        proper = isinstance(name, str) and name.isprintable()
        if not proper or name in ("", ".", ".."):
            unreadable(f"{named(self.where, path)}: its name is not proper text")
        link = group.get(name, getlink=True)
        if not isinstance(link, self.h5py.HardLink):
            refused(f"{named(self.where, path)} points elsewhere: no weights do")
        item = group[name]
        address = self.h5py.h5o.get_info(item.id).addr
        if address in self.seen:
            refused(f"{named(self.where, path)} is there under two names")
        self.seen.add(address)
        if len(self.seen) > limits.MAX_TENSORS:
            refused(f"{self.where}: more than {limits.MAX_TENSORS} groups and tensors")
        return item

    def _array(self, dataset: Any, path: str) -> tuple[Array, bool]:
        self._check_storage(dataset, path)
        wide = _is_bfloat16(dataset)
        if not wide and code_of(dataset.dtype) is None:
            unreadable(
                f"{named(self.where, path)} has the dtype {str(dataset.dtype)[:32]!a}; "
                "weights are real numbers, integers or booleans"
            )
        self._check_shape(dataset, path)
        value = np.asarray(dataset[()])
        value = _widened(value) if wide else value
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        value.setflags(write=False)
        return value, wide

    def _check_storage(self, dataset: Any, path: str) -> None:
        h5py, plan = self.h5py, dataset.id.get_create_plist()
        if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
            refused(f"{named(self.where, path)} keeps its data in another file")
        plain = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
        plain.add(h5py.h5z.FILTER_FLETCHER32)
        for place in range(plan.get_nfilters()):
            code = plan.get_filter(place)[0]
            if code not in plain:
                refused(f"{named(self.where, path)} needs the HDF5 filter {code}")

    def _check_shape(self, dataset: Any, path: str) -> None:
        shape = dataset.shape
        if shape is None:
            damaged(f"{named(self.where, path)} holds nothing")
        if len(shape) > limits.MAX_DIMS:
            refused(f"{named(self.where, path)} has {len(shape)} axes")
        self.budget.spend(prod(shape) * max(dataset.dtype.itemsize, 4), path)


def natural(path: str) -> list[tuple[int, str]]:
    """A sorting key that puts 10 behind 2."""
    parts = re.split(r"([0-9]+)", path)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]


def _is_bfloat16(dataset: Any) -> bool:
    """Two opaque bytes: what h5py makes of the dtype that Keras saves as bfloat16."""
    return bool(dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2)


def _widened(value: Array) -> Array:
    bits = np.frombuffer(value.tobytes(), "<u2").astype(np.uint32) << np.uint32(16)
    return bits.view(np.float32).reshape(value.shape)
