"""One way in for every format: map, tell the kind, parse, find the weights, view them.

Executes nothing of the file and imports no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.arrays import Budget, array_of
from ppim_port.checkpoint.complaints import unreadable
from ppim_port.checkpoint.dtypes import BFLOAT16
from ppim_port.checkpoint.keras_file import read_archive, read_weights
from ppim_port.checkpoint.legacy_pth import read_legacy
from ppim_port.checkpoint.pages import Tensors, in_turn
from ppim_port.checkpoint.pdparams import join_slices, read_pdparams
from ppim_port.checkpoint.pickle_records import NdArray, Storage, Stored, Tensor
from ppim_port.checkpoint.raw import Raw
from ppim_port.checkpoint.records import Checkpoint, FileFormat
from ppim_port.checkpoint.safetensors_file import read_safetensors
from ppim_port.checkpoint.sniff import map_file, sniff_view
from ppim_port.checkpoint.torch_storage import tensor_array
from ppim_port.checkpoint.unwrap import Selected, select
from ppim_port.checkpoint.zip_pth import read_zip
from ppim_port.state_dict import Array, FrameworkName

_Parse: TypeAlias = Callable[[memoryview, str], Raw]

_PICKLED: dict[FileFormat, tuple[_Parse, FrameworkName]] = {
    FileFormat.PTH_ZIP: (read_zip, "torch"),
    FileFormat.PTH_LEGACY: (read_legacy, "torch"),
    FileFormat.PDPARAMS: (read_pdparams, "paddle"),
}
_KERAS = MappingProxyType(
    {FileFormat.KERAS_H5: read_weights, FileFormat.KERAS_ZIP: read_archive}
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint whose tensors are made as they are asked for, once, in order.

    Attributes:
        tensors: Key and array in turn; the other fields are those of `Checkpoint`.
    """

    file_format: FileFormat
    framework: FrameworkName
    tensors: Tensors
    container: tuple[str, ...]
    left_behind: tuple[str, ...]
    stored_dtypes: Mapping[str, str]


def read(path: str | Path, *, container: Sequence[str] | None = None) -> Checkpoint:
    """Read a checkpoint's weights as numpy arrays, executing nothing of it.

    Args:
        path: A .pth (zip or legacy), .pdparams, .safetensors, .weights.h5 or .keras
            file; the name does not matter.
        container: Levels to descend to the weights, e.g. ("model_ema",); None finds
            them where there is one choice.

    Returns:
        The weights with their keys as stored.

    Raises:
        CheckpointError: No such file, not a checkpoint, or no single set of weights.
        CorruptCheckpointError: Cut off, inconsistent, or a wrong checksum.
        UnsafeCheckpointError: It asks for code or absurd resources; nothing was run.
        MissingPackageError: A Keras file, and h5py is not installed.
    """
    opened = open_checkpoint(path, container=container)
    return Checkpoint(
        Path(path),
        opened.file_format,
        opened.framework,
        dict(opened.tensors),
        opened.container,
        opened.left_behind,
        opened.stored_dtypes,
    )


def open_checkpoint(
    path: str | Path, *, container: Sequence[str] | None = None
) -> Opened:
    """As `read`, one tensor in memory at a time; each may raise as `read` does."""
    where = str(path)
    view = map_file(Path(path))
    kind = sniff_view(view, where)
    budget = Budget(where, limits.byte_budget(len(view)))
    if kind is FileFormat.SAFETENSORS:
        if container:
            unreadable(f"{where}: a safetensors file has no levels inside")
        safe = read_safetensors(view, where, budget)
        return Opened(
            kind,
            safe.framework,
            in_turn(iter(safe.state.items()), view),
            (),
            safe.left_behind,
            MappingProxyType(safe.stored_dtypes),
        )
    if kind in _KERAS:
        if container:
            unreadable(f"{where}: a Keras file has no levels to choose from")
        held = _KERAS[kind](view, where, budget)
        return Opened(
            kind,
            "keras",
            iter(held.state.items()),
            held.container,
            held.left_behind,
            MappingProxyType(dict.fromkeys(held.bfloat16, BFLOAT16)),
        )
    return _pickled(kind, view, budget, container)


def _pickled(
    kind: FileFormat,
    view: memoryview,
    budget: Budget,
    container: Sequence[str] | None,
) -> Opened:
    parse, framework = _PICKLED[kind]
    raw = parse(view, budget.where)
    found = select(raw.tree, budget.where, container)
    widened = {key: BFLOAT16 for key, r in found.tensors.items() if _is_bfloat16(r)}
    return Opened(
        kind,
        framework,
        in_turn(_tensors(found, raw, budget), view),
        found.container,
        found.left_behind,
        MappingProxyType(widened),
    )


def _tensors(found: Selected, raw: Raw, budget: Budget) -> Tensors:
    made = (
        (key, _array(key, record, raw, budget)) for key, record in found.tensors.items()
    )
    if found.slices is None:
        yield from made
    else:  # a slice may be anywhere, so all must be there
        yield from join_slices(dict(made), found.slices, budget.where, budget).items()


def _array(key: str, record: Stored, raw: Raw, budget: Budget) -> Array:
    if type(record) is NdArray:
        return array_of(budget.where, key, record, budget)
    assert type(record) is Tensor  # the only other kind
    return tensor_array(budget.where, key, record, raw.storages, budget)


def _is_bfloat16(record: Stored) -> bool:
    if type(record) is not Tensor:
        return False
    storage = record.storage
    return type(storage) is Storage and storage.code == BFLOAT16
