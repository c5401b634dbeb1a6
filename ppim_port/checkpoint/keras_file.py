"""Reading what Keras 3 saves: `.weights.h5`, and the same inside of a `.keras` archive.

Only numbers are read. The archive's `config.json` describes a net that Keras would
build again, with whatever code it names: it is left behind unread, as is the optimizer.
Refused: Keras 2's whole-model `.h5`, whose keys are of another kind, and archives that
keep their weights in another format.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppim_port.checkpoint.arrays import Budget
from ppim_port.checkpoint.complaints import damaged, unreadable
from ppim_port.checkpoint.hdf5 import SIGNATURE, read_hdf5
from ppim_port.checkpoint.zip_members import read_directory, read_members
from ppim_port.state_dict import StateDict

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# An archive's directory lies at its end; a net with many assets has a long one.
_TAIL = 1 << 16
# What training leaves in a file beside the weights.
_ASIDE = frozenset({"optimizer"})
# Groups at the top of what Keras 2 saved.
_OLD = ("model_weights", "optimizer_weights", "top_level_model_weights")
_SAVE_AGAIN = 'Load it in Keras and save it anew: model.save_weights("x.weights.h5").'


@dataclass(frozen=True, slots=True)
class KerasFile:
    """The contents of a Keras file; fields as in `Checkpoint`."""

    state: StateDict
    container: tuple[str, ...]
    left_behind: tuple[str, ...]
    bfloat16: tuple[str, ...]


def is_archive(view: memoryview) -> bool:
    """Whether a zip archive's directory names what Keras puts into one."""
    tail = bytes(view[-_TAIL:])
    return CONFIG.encode() in tail and METADATA.encode() in tail


def read_weights(view: memoryview, where: str, budget: Budget) -> KerasFile:
    """Read a `.weights.h5`.

    Raises:
        CheckpointError: not what Keras 3 saves, or a dtype that we do not read.
        CorruptCheckpointError: cut off or damaged.
        UnsafeCheckpointError: it points elsewhere, or asks for absurd resources.
        MissingPackageError: h5py is not installed.
    """
    found = read_hdf5(view, where, budget, aside=_ASIDE)
    old = [path for path in found.tensors if path.startswith(_OLD)]
    if old:
        unreadable(
            f"{where} is a whole model as Keras 2 saved it ({old[0][:80]!a}), whose "
            f"names are not read here. {_SAVE_AGAIN}"
        )
    if not found.tensors:
        unreadable(f"{where}: an HDF5 file without weights. {_SAVE_AGAIN}")
    left = tuple(f"{name} ({count} tensors)" for name, count in found.aside.items())
    return KerasFile(found.tensors, (), left, found.bfloat16)


def read_archive(view: memoryview, where: str, budget: Budget) -> KerasFile:
    """Read the weights of a `.keras` archive.

    Raises:
        CheckpointError: weights that are not HDF5; and as `read_weights`.
        CorruptCheckpointError: cut off or damaged.
        UnsafeCheckpointError: members that two readers could see differently.
    """
    members = read_members(view, read_directory(view, where), where)
    if WEIGHTS not in members:
        held = ", ".join(ascii(name[:40])[1:-1] for name in list(members)[:8])
        unreadable(f"{where}: a Keras archive without {WEIGHTS}: {held}. {_SAVE_AGAIN}")
    data = members.pop(WEIGHTS)
    if bytes(data[: len(SIGNATURE)]) != SIGNATURE:
        damaged(f"{where}: {WEIGHTS} is no HDF5 file. Download it again.")
    inner = read_weights(data, f"{where}: {WEIGHTS}", budget)
    others = tuple(ascii(name[:80])[1:-1] for name in list(members)[:20])
    return KerasFile(
        inner.state, (WEIGHTS,), (*others, *inner.left_behind), inner.bfloat16
    )
