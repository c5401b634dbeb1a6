"""Torch's persistent ids, and tensors as windows on storages, for both .pth layouts."""

from __future__ import annotations

from collections.abc import Mapping

from ppim_port.checkpoint.arrays import Budget, named, take, window_of
from ppim_port.checkpoint.complaints import damaged, unreadable
from ppim_port.checkpoint.dtypes import TORCH_STORAGES, little_endian
from ppim_port.checkpoint.pickle_machine import Machine
from ppim_port.checkpoint.pickle_records import Global, Storage, Tensor
from ppim_port.state_dict import Array


def load_storage(m: Machine, pid: object) -> Storage:
    """The record of ('storage', torch.XStorage, key, location, numel, ...)."""
    if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
        m.refuse("a persistent id that is not a torch storage")
    kind, key, numel = pid[1], pid[2], pid[4]
    if type(kind) is not Global or kind.module != "torch":
        m.refuse("a persistent id that is not a torch storage")
    if kind.name not in TORCH_STORAGES:
        m.refuse(f"a storage of the unknown kind torch.{kind.name[:80]}")
    if type(key) is not str or type(numel) is not int or numel < 0:
        m.fail("a torch storage without a proper key or size")
    if len(pid) == 6 and pid[5] is not None:
        m.refuse("a view of a storage, as torch wrote it before 0.4")
    return Storage(TORCH_STORAGES[kind.name], key, numel)


def tensor_array(
    where: str,
    key: str,
    tensor: Tensor,
    storages: Mapping[str, memoryview],
    budget: Budget,
) -> Array:
    """The array of a torch tensor.

    Raises:
        CheckpointError: It has pending conjugate or negative bits.
        CorruptCheckpointError: Its storage is missing or too small.
    """
    name = named(where, key)
    if tensor.lazy_bits:
        unreadable(f"{name} is conjugated or negated lazily; resave it")
    storage = tensor.storage
    assert type(storage) is Storage  # the machine made it
    data = _storage_bytes(name, storage, storages)
    window = window_of(name, storage.code, tensor.offset, tensor.shape, tensor.stride)
    itemsize = 4 if storage.code == "bfloat16" else little_endian(storage.code).itemsize
    amount = itemsize
    for size in window.shape:
        amount *= size
    budget.spend(amount, key)
    return take(name, window, data)


def _storage_bytes(
    name: str, storage: Storage, storages: Mapping[str, memoryview]
) -> memoryview:
    data = storages.get(storage.key)
    if data is None:
        damaged(f"{name}: its storage is missing from the file")
    expected = storage.numel * little_endian(storage.code).itemsize
    if data.nbytes != expected:
        damaged(
            f"{name}: its storage should have {expected} bytes and has {data.nbytes}: "
            f"the file is damaged"
        )
    return data
