"""The zip layout of torch.save: data.pkl and one uncompressed member a storage.

Refused: members that torch does not write, big-endian files, TorchScript archives
(they hold a program). `torch.load` takes edited byte orders and wrong CRCs silently.
"""

from __future__ import annotations

import re

from ppim_port.checkpoint.complaints import damaged, refused, unreadable
from ppim_port.checkpoint.pickle_reader import load_whole
from ppim_port.checkpoint.raw import Raw
from ppim_port.checkpoint.torch_storage import load_storage
from ppim_port.checkpoint.zip_members import read_directory, read_members

_KNOWN = frozenset(
    {
        "data.pkl",
        "byteorder",
        "version",
        ".format_version",
        ".storage_alignment",
        ".data/serialization_id",
    }
)
_STORAGE = re.compile(r"data/([A-Za-z0-9_]{1,64})")
_SCRIPT = ("code/", "constants.pkl", "constants/", "model.json")


def read_zip(view: memoryview, where: str) -> Raw:
    """Parse the archive.

    Raises:
        CheckpointError: It is of a kind that we do not read.
        CorruptCheckpointError: It is damaged.
        UnsafeCheckpointError: It asks for code, or hides something.
    """
    archive = read_directory(view, where)
    _check_names([member.name for member in archive.members], where)
    members = {
        name.partition("/")[2]: data
        for name, data in read_members(view, archive, where).items()
    }
    _check_byte_order(members, where)
    if "data.pkl" not in members:
        damaged(f"{where}: the archive has no data.pkl")
    tree = load_whole(
        members["data.pkl"], where=f"{where}: data.pkl", load_storage=load_storage
    )
    storages = {
        match[1]: data
        for name, data in members.items()
        if (match := _STORAGE.fullmatch(name))
    }
    return Raw(tree, storages)


def _check_names(names: list[str], where: str) -> None:
    """Before any data is looked at: torch's names below one top folder, or not."""
    _check_root({name.partition("/")[0] for name in names}, where)
    inner = [name.partition("/")[2] for name in names]
    if any(name.startswith(_SCRIPT) for name in inner):
        unreadable(
            f"{where} is a TorchScript archive, which holds a program. Save the "
            f"module's state_dict() with torch.save instead."
        )
    for name in inner:
        if name not in _KNOWN and not _STORAGE.fullmatch(name):
            refused(f"{where}: zip member {name[:80]!a}, which torch does not write")


def _check_root(roots: set[str], where: str) -> None:
    if len(roots) != 1:
        refused(
            f"{where}: a zip archive, but not torch.save's: {len(roots)} top "
            f"folders, torch writes one. If a checkpoint is inside, unpack it first."
        )
    if roots & {"", ".", ".."}:
        refused(f"{where}: a zip member with an unsafe name")


def _check_byte_order(members: dict[str, memoryview], where: str) -> None:
    # Absent before torch 2.1; torch then takes the bytes as they are.
    order = members.get("byteorder", b"little")
    if order != b"little":
        unreadable(f"{where}: byteorder is {bytes(order[:16])!a}; only little is read")
