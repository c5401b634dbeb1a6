"""The Parquet form, as Hugging Face packs it: a PNG and its label a row, in order.

Columns: `img` (or `image`), a struct with `bytes`; and `label`, or for CIFAR-100
`fine_label` beside `coarse_label`. Rows have no names: the place of a row in the set's
own order is its id, so shards of the test split are read in the order of their names.
Refused: a set whose only labels are the coarse ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eval.cifar_sets import CifarSet
from eval.dataset.cifar.picture import Png
from eval.dataset.parquet import Cell, RowGroups, leaves_of, open_shard, read_rows
from ppim_port.errors import DatasetError

_PICTURES = ("img.bytes", "image.bytes", "img", "image")
_LABELS = {"cifar10": ("label", "labels"), "cifar100": ("fine_label", "label")}


def read_shards(shards: Sequence[Path], known: CifarSet) -> list[tuple[Png, int]]:
    """The pictures of all shards, with their labels.

    Raises:
        DatasetError: a shard is damaged, or has other columns.
        MissingPackageError: pyarrow is not installed.
    """
    groups = RowGroups()
    return [row for shard in shards for row in _rows(shard, groups, known)]


def set_of_columns(shard: Path) -> str | None:
    """The set whose columns a shard has; None if they are nobody's or anybody's."""
    leaves = set(leaves_of(open_shard(shard)))
    if "fine_label" in leaves:
        return "cifar100"
    return "cifar10" if leaves & {"img", "img.bytes"} and "label" in leaves else None


def _rows(shard: Path, groups: RowGroups, known: CifarSet) -> Iterator[tuple[Png, int]]:
    file = open_shard(shard)
    leaves = leaves_of(file)
    pictures = next((name for name in _PICTURES if name in leaves), None)
    label = next((name for name in _LABELS[known.name] if name in leaves), None)
    if pictures is None or label is None:
        wanted = " or ".join(_LABELS[known.name])
        msg = (
            f"{str(shard)!r}: has the columns {', '.join(sorted(leaves))}. Expected "
            f"img (bytes and path) and {wanted} of {known.title}. Nothing was "
            "evaluated."
        )
        raise DatasetError(msg)
    for group in range(file.num_row_groups):
        for row, record in enumerate(read_rows(shard, file, group, [label])):
            value = record[label]
            if type(value) is not int:
                msg = (
                    f"{str(shard)!r}, row {row} of group {group}: the label is "
                    f"{value!r}: expected a whole number. Take the original."
                )
                raise DatasetError(msg)
            yield Png(Cell(groups, shard, group, row, pictures)), value
