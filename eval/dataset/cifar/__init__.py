"""CIFAR-10 and CIFAR-100, in the Python, the binary and the Parquet form.

The test pictures become the same samples in each: ids are places in the set's own
order, bytes are a PPM of the pixels, and CIFAR-100's labels are its fine ones. Refused:
whatever is damaged, labelled wrongly, or asks for code.
"""

from __future__ import annotations

from pathlib import Path

from eval.cifar_sets import SETS, SOURCE, CifarSet, picture_id
from eval.dataset.cifar import binary, pickled
from eval.dataset.cifar.find import (
    BINARY,
    META,
    PYTHON,
    Place,
    known_set,
    only_place,
)
from eval.dataset.cifar.labels import check_labels, check_names
from eval.dataset.cifar.packed import read_members
from eval.dataset.cifar.picture import Planes
from eval.dataset.cifar.shards import read_shards
from eval.dataset.cifar.table import Table
from eval.records import Dataset, Layout, Sample, Source
from ppim_port.checkpoint.sniff import map_file
from ppim_port.errors import CheckpointError, DatasetError

__all__ = ["Table", "known_set", "open_cifar", "read_table"]


def open_cifar(
    root: Path, known: CifarSet, *, num_classes: int, layout: Layout | None = None
) -> Dataset:
    """The test pictures of a set.

    Args:
        root: the folder with its files, that folder's parent, one file, or the archive.
        known: the set.
        num_classes: of the net.
        layout: "cifar-python", "cifar-binary" or "parquet"; None finds it out.

    Raises:
        DatasetError: not there, there twice, damaged, or with wrong labels.
        MissingPackageError: the Parquet form needs pyarrow.
    """
    if num_classes != known.classes:
        msg = (
            f"{str(root)!r}: {known.title} has {known.classes} classes, the net has "
            f"{num_classes}. Nothing was evaluated. Name weights of a net for it."
        )
        raise DatasetError(msg)
    place = only_place(root, known, layout)
    first = place.files[0]
    if place.layout == "parquet":
        rows = read_shards(place.files, known)
        labels = [label for _, label in rows]
        sources: list[Source] = [source for source, _ in rows]
    else:
        table = read_table(first, known, place)
        labels = list(table.labels)
        sources = [Planes(table.pixels, row) for row in range(len(labels))]
    check_labels(str(first), labels, known)
    samples = tuple(
        Sample(picture_id(known, at), first / f"{at:05d}", label, source)
        for at, (label, source) in enumerate(zip(labels, sources, strict=True))
    )
    return Dataset(root, place.layout, samples, known.classes)


def read_table(path: Path, known: CifarSet, place: Place | None = None) -> Table:
    """Pixels and labels of one file of the Python or binary form, or of an archive.

    Class names beside it are held against the published ones.

    Raises:
        DatasetError: it cannot be read, or is damaged.
    """
    form = place or Place(None, BINARY if path.suffix else PYTHON, (path,))
    is_python = form.layout == PYTHON
    meta = META[known.name] if is_python else known.names_file
    if form.packed:
        data, names = _from_archive(path, known, meta, is_python)
        where = f"{path}/{'pickle' if is_python else 'rows'}"
    else:
        data, where = _mapped(path), str(path)
        beside = path.parent / meta
        names = _mapped(beside) if beside.is_file() else None
    if names is not None:
        _check_names(names, f"{path.parent}/{meta}", known, is_python)
    read = pickled.read_pickled if is_python else binary.read_binary
    return read(data, where, known)


def _from_archive(
    path: Path, known: CifarSet, meta: str, is_python: bool
) -> tuple[memoryview, memoryview | None]:
    test = "test_batch" if known is SETS["cifar10"] else "test"
    test += "" if is_python else ".bin"
    found = read_members(path, (test, meta))
    if test not in found:
        msg = (
            f"{str(path)!r}: holds no {test!r}. It is not the archive of "
            f"{known.title}. Take the original of {SOURCE}."
        )
        raise DatasetError(msg)
    names = memoryview(found[meta]) if meta in found else None
    return memoryview(found[test]), names


def _check_names(
    data: memoryview, where: str, known: CifarSet, is_python: bool
) -> None:
    names = (
        pickled.read_names(data, where, known)
        if is_python
        else binary.read_names_file(bytes(data))
    )
    check_names(where, names, known)


def _mapped(path: Path) -> memoryview:
    try:
        return map_file(path)
    except CheckpointError as error:
        msg = f"{error} Nothing was evaluated. Take the original of {SOURCE}."
        raise DatasetError(msg) from error
