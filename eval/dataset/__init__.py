"""Stage 1: a folder of pictures becomes labelled samples, or an error that names why.

Two layouts: a folder of class folders, and flat pictures with a list of labels. Order
is by id, so that two lists of the same pictures make the same batches. Hidden files
(a leading dot) are passed over; symlinks are followed. Nothing else is skipped: what
has no label is counted in the dataset or is an error, because a smaller n looks like
a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.dataset.folders import from_folders
from eval.dataset.listed import from_list
from eval.dataset.listing import entries
from eval.records import Dataset
from ppim_port.errors import DatasetError

__all__ = ["open_dataset"]


def open_dataset(
    root: Path,
    *,
    val_list: Path | None,
    class_wnids: Sequence[str],
    num_classes: int = 1000,
) -> Dataset:
    """Find the pictures under `root` and their labels.

    Args:
        root: a folder of wnid folders, or of pictures if there is a list.
        val_list: `name index` a line, the index among the sorted wnids from 0.
        class_wnids: the folder name of each class, by index; some may be absent.
        num_classes: labels must be below this.

    Raises:
        DatasetError: nothing to evaluate, or something without a clear label.
    """
    root = Path(root)
    if not root.is_dir():
        what = "is a file: extract it" if root.exists() else "does not exist: check it"
        msg = f"{str(root)!r}: expected a folder of pictures, but it {what}."
        raise DatasetError(msg)
    found = entries(root)
    if not found.folders and not found.files:
        msg = f"{str(root)!r}: the folder is empty. Point to the validation pictures."
        raise DatasetError(msg)
    if val_list is not None:
        return from_list(root, Path(val_list), num_classes=num_classes)
    return from_folders(root, found, class_wnids=class_wnids, num_classes=num_classes)
