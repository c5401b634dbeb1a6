"""The training pictures of a CIFAR set, for those who train a net; never for a score.

They lie where the test pictures do: `data_batch_1` to `_5` of CIFAR-10, `train` of
CIFAR-100, in the Python or the binary form, or in the published archive. Refused: test
pictures in their place, a part of the batches, and whatever is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eval.cifar_sets import SOURCE, CifarSet
from eval.dataset.cifar import binary, pickled
from eval.dataset.cifar.find import PARQUET, PYTHON, Place, only_place
from eval.dataset.cifar.packed import read_members
from eval.dataset.cifar.table import Table
from ppim_port.checkpoint.sniff import map_file
from ppim_port.errors import CheckpointError, DatasetError

_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))


def read_training(root: Path, known: CifarSet) -> Table:
    """The training pictures, in the published order.

    Args:
        root: the folder with the set's files, that folder's parent, or the archive.
        known: the set.

    Raises:
        DatasetError: not there, in another form, in part, or damaged.
    """
    place = only_place(root, known, None)
    if place.layout == PARQUET:
        msg = (
            f"{str(place.files[0])!r}: training pictures are read from the Python and "
            f"the binary form alone, not from Parquet. Take an archive of {SOURCE}."
        )
        raise DatasetError(msg)
    parts = [
        pickled.read_pickled(view, where, known, training=True)
        if place.layout == PYTHON
        else binary.read_binary(view, where, known)
        for where, view in _views(place, _names(place, known))
    ]
    labels = [label for part in parts for label in part.labels]
    _check_range(root, labels, known)
    return Table(np.concatenate([part.pixels for part in parts]), labels)


def _names(place: Place, known: CifarSet) -> tuple[str, ...]:
    names = ("train",) if known.coarse else _BATCHES
    suffix = "" if place.layout == PYTHON else ".bin"
    return tuple(name + suffix for name in names)


def _views(place: Place, names: tuple[str, ...]) -> Iterator[tuple[str, memoryview]]:
    first = place.files[0]
    if place.packed:
        members = read_members(first, names)
        found = {name: memoryview(data) for name, data in members.items()}
    else:
        paths = [first.parent / name for name in names]
        found = {path.name: _mapped(path) for path in paths if path.is_file()}
    if absent := [name for name in names if name not in found]:
        msg = (
            f"{str(first)!r}: the training pictures beside it are not whole: "
            f"{', '.join(absent)} missing. Unpack the original of {SOURCE} again."
        )
        raise DatasetError(msg)
    return ((str(first.parent / name), found[name]) for name in names)


def _mapped(path: Path) -> memoryview:
    try:
        return map_file(path)
    except CheckpointError as error:
        msg = f"{error} Nothing was trained. Take the original of {SOURCE}."
        raise DatasetError(msg) from error


def _check_range(root: Path, labels: list[int], known: CifarSet) -> None:
    odd = [(at, v) for at, v in enumerate(labels) if not 0 <= v < known.classes]
    if odd or not labels:
        shown = f"label {odd[0][1]} of picture {odd[0][0]}" if odd else "no picture"
        msg = (
            f"{str(root)!r}: training pictures with {shown}; expected labels in "
            f"0..{known.classes - 1}. Take the original of {SOURCE}."
        )
        raise DatasetError(msg)
