"""Pictures with a list of labels: each listed one must be there, each label in range.

A list may leave pictures out (a subset is a legitimate request); how many is counted
in the dataset. Looked at are the folders that the list names, not those below.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from eval.dataset.listing import Entries, entries, some
from eval.dataset.naming import id_of, in_order
from eval.dataset.val_list import read_list
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError


def from_list(root: Path, val_list: Path, *, num_classes: int) -> Dataset:
    """Collect the samples that the list names.

    Raises:
        DatasetError: the list is bad, or names pictures that are not there.
    """
    labels = read_list(val_list, num_classes=num_classes)
    there = _files(root, {str(PurePosixPath(name).parent) for name in labels})
    missing = sorted(name for name in labels if name not in there)
    if missing:
        msg = (
            f"{str(val_list)!r}: {len(missing)} of {len(labels)} listed pictures are "
            f"not in {str(root)!r}: {some(missing)}. Expected all of them. Restore "
            f"them, or pass the folder or the list that fits."
        )
        raise DatasetError(msg)
    samples = in_order(
        Sample(id_of(name), root / name, label) for name, label in labels.items()
    )
    left = [name for name in there if name not in labels]
    own = _own_name(root, val_list)
    return Dataset(
        root,
        "list",
        samples,
        num_classes,
        unlisted=sum(there[name] for name in left),
        ignored=tuple(sorted(n for n in left if not there[n] and n != own)),
    )


def _files(root: Path, folders: Iterable[str]) -> dict[str, bool]:
    """Each file of these folders, as an id, and whether it looks like a picture."""
    there: dict[str, bool] = {}
    for folder in sorted(folders):
        path = root / folder
        found = entries(path) if path.is_dir() else Entries((), (), ())
        prefix = "" if folder == "." else f"{folder}/"
        there |= {prefix + name: True for name in found.pictures}
        there |= {
            prefix + name: False for name in found.others if (path / name).is_file()
        }
    return there


def _own_name(root: Path, val_list: Path) -> str:
    """The list's id if it lies among the pictures: it is not a stray file."""
    here, there = root.resolve(), val_list.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else ""
