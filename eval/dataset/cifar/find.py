"""Where a CIFAR set lies, and in which form: told by names, sizes and columns.

A folder may hold the files themselves, the folder that the archive unpacks to, or the
archive; an archive counts only where nothing lies unpacked, as both usually do. Nothing
is parsed here but the head of a Parquet file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from eval.cifar_sets import SETS, SOURCE, CifarSet
from eval.dataset.cifar.shards import set_of_columns
from eval.records import Layout
from ppim_port.errors import DatasetError, MissingPackageError

PYTHON: Layout = "cifar-python"
BINARY: Layout = "cifar-binary"
PARQUET: Layout = "parquet"

# Test file of each form -> its set.
_PICKLED = MappingProxyType({"test_batch": "cifar10", "test": "cifar100"})
_BINARY = MappingProxyType({"test_batch.bin": "cifar10", "test.bin": "cifar100"})
_ARCHIVES: Mapping[str, tuple[str, Layout]] = MappingProxyType(
    {
        "cifar-10-python": ("cifar10", PYTHON),
        "cifar-10-binary": ("cifar10", BINARY),
        "cifar-100-python": ("cifar100", PYTHON),
        "cifar-100-binary": ("cifar100", BINARY),
    }
)
_FOLDERS = (
    *("cifar-10-batches-py", "cifar-10-batches-bin"),
    *("cifar-100-python", "cifar-100-binary", "plain_text", "cifar10", "cifar100"),
)
# Meta files: class names in their order.
META = MappingProxyType({"cifar10": "batches.meta", "cifar100": "meta"})


@dataclass(frozen=True, slots=True)
class Place:
    """The test pictures of a set.

    Attributes:
        name: of the set; None where the form does not tell.
        layout: the form.
        files: one, or the shards in order.
        packed: whether it is an archive.
    """

    name: str | None
    layout: Layout
    files: tuple[Path, ...]
    packed: bool = False


def known_set(root: Path) -> str | None:
    """The CIFAR set at a path; None if there is none.

    Raises:
        DatasetError: there are both, so one must be named.
    """
    names = {place.name for place in places(root)} - {None}
    if len(names) > 1:
        msg = (
            f"{str(root)!r}: holds {' and '.join(sorted(map(str, names)))}. Name one "
            "of them with --dataset."
        )
        raise DatasetError(msg)
    return next(iter(names), None)


def places(root: Path) -> list[Place]:
    """Every place at a path where test pictures of a CIFAR set lie."""
    if root.is_file():
        return list(_of_file(root))
    if not root.is_dir():
        return []
    folders = [root, *(root / name for name in _FOLDERS if (root / name).is_dir())]
    found = [place for folder in folders for place in _unpacked(folder)]
    return found or [
        Place(name, layout, (path,), packed=True)
        for stem, (name, layout) in _ARCHIVES.items()
        if (path := root / f"{stem}.tar.gz").is_file()
    ]


def only_place(root: Path, known: CifarSet, layout: Layout | None) -> Place:
    """The one place of a set's test pictures.

    Args:
        root: the folder with its files, that folder's parent, one file, or the archive.
        known: the set.
        layout: the form; None finds it out.

    Raises:
        DatasetError: there is none, or more than one.
    """
    found = [p for p in places(root) if p.name in (None, known.name)]
    found = [p for p in found if layout in (None, p.layout)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(f"{p.files[0]} ({p.layout})" for p in found)
        msg = (
            f"{str(root)!r}: {known.title} lies there {len(found)} times: {shown}. "
            "Point to one of them, or name its form with --layout."
        )
    else:
        msg = (
            f"{str(root)!r}: no test pictures of {known.title}"
            f"{f' in the form {layout}' if layout else ''}. Expected what its "
            "archives hold (test_batch, test, test_batch.bin, test.bin), test*.parquet "
            f"files with img and label, or an archive of {SOURCE}."
        )
    raise DatasetError(msg)


def _unpacked(folder: Path) -> Iterator[Place]:
    for name in (*_PICKLED, *_BINARY):
        path = folder / name
        if path.is_file():
            yield from _of_file(path)
    shards = sorted(folder.glob("*.parquet"))
    shards = [p for p in shards if p.name.startswith("test")] or [
        p for p in shards if not p.name.startswith("train")
    ]
    if shards and (columns := _columns(shards[0])):
        yield Place(columns, PARQUET, tuple(shards))


def _of_file(path: Path) -> Iterator[Place]:
    with path.open("rb") as file:
        head = file.read(512)
    if path.suffix == ".parquet":
        yield Place(_columns(path), PARQUET, (path,))
    elif head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar":
        stem = path.name.partition(".")[0]
        if stem in _ARCHIVES:
            set_name, layout = _ARCHIVES[stem]
            yield Place(set_name, layout, (path,), packed=True)
    elif head[:1] == b"\x80" and not path.suffix:
        yield Place(_PICKLED.get(path.name), PYTHON, (path,))
    elif path.suffix == ".bin":
        by_name = _BINARY.get(path.name)
        yield Place(by_name or _by_size(path), BINARY, (path,))


def _by_size(path: Path) -> str | None:
    size = path.stat().st_size
    fits = [name for name, known in SETS.items() if size and not size % known.row]
    return fits[0] if len(fits) == 1 else None


def _columns(shard: Path) -> str | None:
    try:
        return set_of_columns(shard)
    except (DatasetError, MissingPackageError):
        # Whoever reads it says why it cannot be read.
        return None
