"""Parquet shards as Hugging Face packs them: a picture and its label a row.

Columns: `image`, a struct of `bytes` and `path` (or just bytes), and `label`. Names and
labels are read at once; bytes come a row group at a time, of which a few are kept, so
shards in the order of their pictures' names are read once. Refused: rows without
bytes, without a label, or of which two have one name.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.dataset.naming import id_of, in_order
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError, ImageError, MissingPackageError

_MOST_KEPT = 1 << 29  # bytes of row groups, all shards together


def from_parquet(root: Path, shards: Sequence[Path], *, num_classes: int) -> Dataset:
    """Collect the rows of all shards.

    Raises:
        DatasetError: a shard cannot be used, or a row has no name or label.
        MissingPackageError: pyarrow is not installed.
    """
    groups = RowGroups()
    samples = [
        sample
        for shard in shards
        for sample in _rows(shard, groups, num_classes=num_classes)
    ]
    if not samples:
        msg = f"{str(root)!r}: the shards hold no row. Expected image and label."
        raise DatasetError(msg)
    return Dataset(root, "parquet", in_order(samples), num_classes)


class RowGroups:
    """Decoded row groups, the latest used ones up to half a gigabyte."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Path, int], Any] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, path: Path, group: int, column: str) -> Any:
        """The arrow column of pictures of one row group."""
        key = (path, group)
        # One at a time: two threads that need one group would both decode it.
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            found = open_shard(path).read_row_group(group, columns=[column]).column(0)
            self._kept[key] = found
            self._size += found.nbytes
            while self._size > self._most and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].nbytes
            return found


@dataclass(frozen=True, slots=True)
class Cell:
    """The picture in one row."""

    groups: RowGroups = field(repr=False, compare=False)
    shard: Path
    group: int
    row: int
    column: str

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ImageError: the shard is damaged there, or the row holds no bytes.
        """
        where = f"{str(self.shard)!r}, row {self.row} of group {self.group}"
        try:
            found = self.groups.get(self.shard, self.group, self.column)
        except (OSError, ValueError, DatasetError) as error:
            msg = f"{where}: cannot be read: {error}."
            raise ImageError(msg) from error
        value = found[self.row].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            msg = f"{where}: no bytes, only {value!r}. Embed the pictures."
            raise ImageError(msg)
        return data


def open_shard(path: Path) -> Any:
    """A Parquet file, its footer read.

    Raises:
        DatasetError: it is none, or damaged.
        MissingPackageError: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        name, extra = "pyarrow", "report"
        raise MissingPackageError(name, extra) from error
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        msg = f"{str(path)!r}: not a Parquet file, or a damaged one: {error}."
        raise DatasetError(msg) from error


def _rows(shard: Path, groups: RowGroups, *, num_classes: int) -> Iterator[Sample]:
    file = open_shard(shard)
    leaves = set(leaves_of(file))
    column = "image.bytes" if "image.bytes" in leaves else "image"
    if column not in leaves or "label" not in leaves:
        msg = (
            f"{str(shard)!r}: has the columns {', '.join(sorted(leaves))}. Expected "
            "image (bytes and path) and label."
        )
        raise DatasetError(msg)
    names = [name for name in ("image.path", "path", "filename") if name in leaves]
    wanted = ["label", *names[:1]]
    for group in range(file.num_row_groups):
        table = read_rows(shard, file, group, wanted)
        for row, record in enumerate(table):
            place = f"{shard.stem}/{group:05d}-{row:06d}"
            name = _name(record, place)
            label = _label(shard, place, record, num_classes)
            cell = Cell(groups, shard, group, row, column)
            yield Sample(id_of(name), shard / name, label, cell)


def leaves_of(file: Any) -> list[str]:
    """Dotted names of the columns of an open shard."""
    return [file.schema.column(at).path for at in range(len(file.schema))]


def read_rows(shard: Path, file: Any, group: int, wanted: list[str]) -> list[Any]:
    """The columns of a row group, a dictionary a row.

    Raises:
        DatasetError: the group is damaged.
    """
    try:
        rows: list[Any] = file.read_row_group(group, columns=wanted).to_pylist()
    except (OSError, ValueError) as error:
        msg = f"{str(shard)!r}: row group {group} is damaged: {error}."
        raise DatasetError(msg) from error
    return rows


def _name(record: dict[str, Any], place: str) -> str:
    """The picture's own name, or its place where it has none."""
    image = record.get("image")
    name = image.get("path") if isinstance(image, dict) else None
    name = name or record.get("path") or record.get("filename")
    return name.lstrip("/") if isinstance(name, str) and name.strip("/") else place


def _label(shard: Path, place: str, record: dict[str, Any], classes: int) -> int:
    label = record["label"]
    if type(label) is not int or not 0 <= label < classes:
        msg = (
            f"{str(shard)!r}: the label of {place!r} is {label!r}: expected a whole "
            f"number of 0..{classes - 1}."
        )
        raise DatasetError(msg)
    return label
