"""Which layout a path has, told from what lies there; nothing is read but tar heads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.dataset.archive import first_names, is_tar
from eval.dataset.listing import Entries, entries
from eval.dataset.numbered import is_ground_truth
from eval.dataset.webdataset import is_shard
from eval.records import Layout
from ppim_port.errors import DatasetError
from ppim_port.validation_set import number_of


@dataclass(frozen=True, slots=True)
class Place:
    """What lies at a path: a folder's entries, or archives.

    Attributes:
        found: names in the folder; empty for a single archive.
        tars: in order of their names.
        parquets: in order of their names.
    """

    found: Entries
    tars: tuple[Path, ...]
    parquets: tuple[Path, ...]


def look(root: Path) -> Place:
    """What lies at `root`.

    Raises:
        DatasetError: nothing, or nothing that pictures could be in.
    """
    if root.is_dir():
        found = entries(root)
        if not found.folders and not found.files:
            msg = f"{str(root)!r}: the folder is empty. Point to the pictures."
            raise DatasetError(msg)
        tars = [root / name for name in found.others if name.endswith(".tar")]
        parquets = [root / name for name in found.others if name.endswith(".parquet")]
        return Place(found, tuple(tars), tuple(parquets))
    empty = Entries((), (), ())
    if root.suffix == ".parquet" and root.is_file():
        return Place(empty, (), (root,))
    if root.is_file() and is_tar(root):
        return Place(empty, (root,), ())
    what = "is neither a tar nor a .parquet file" if root.exists() else "does not exist"
    msg = f"{str(root)!r}: expected a folder of pictures or an archive, but it {what}."
    raise DatasetError(msg)


def detect(place: Place, val_list: Path | None) -> Layout:
    """The layout that fits what was found; whether it is whole is found out later."""
    found = place.found
    if not found.folders and not found.pictures:
        if place.parquets:
            return "parquet"
        if place.tars:
            return "webdataset" if is_shard(first_names(place.tars[0])) else "tar"
    if val_list is not None:
        return "devkit" if is_ground_truth(val_list) else "list"
    official = any(number_of(name) is not None for name in found.pictures)
    return "flat" if official and not found.folders else "folders"
