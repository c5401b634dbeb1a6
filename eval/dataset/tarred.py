"""Pictures in plain tars, such as ILSVRC2012_img_val.tar, never extracted.

Labels come from a list, the devkit's ground truth, or what ships with us. Refused:
members that are no pictures by their suffix, because one of them may be a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.dataset.archive import Member, members
from eval.dataset.listing import PICTURE_SUFFIXES, some
from eval.dataset.naming import id_of, in_order
from eval.dataset.numbered import is_ground_truth, numbered, read_ground_truth
from eval.dataset.val_list import read_list
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError
from ppim_port.validation_set import val_labels


def from_tars(
    root: Path, tars: Sequence[Path], val_list: Path | None, *, num_classes: int
) -> Dataset:
    """Collect the pictures of one tar or several.

    Raises:
        DatasetError: a tar cannot be used, or a picture has no label.
    """
    found = [member for tar in tars for member in members(tar)]
    others = [m.name for m in found if not m.name.lower().endswith(PICTURE_SUFFIXES)]
    if others:
        msg = (
            f"{str(root)!r}: {len(others)} members are no picture files: "
            f"{some(others)}. Nothing is skipped silently: pack the pictures alone."
        )
        raise DatasetError(msg)
    if val_list is not None and not is_ground_truth(val_list):
        return _listed(root, found, val_list, num_classes)
    labels = val_labels() if val_list is None else read_ground_truth(val_list)
    named = [(member.name, member.path, member) for member in found]
    samples = numbered(root, named, labels, num_classes=num_classes)
    return Dataset(root, "tar", samples, num_classes)


def _listed(
    root: Path, found: Sequence[Member], val_list: Path, num_classes: int
) -> Dataset:
    labels = read_list(val_list, num_classes=num_classes)
    there = _by_name(root, found)
    missing = sorted(name for name in labels if name not in there)
    if missing:
        msg = (
            f"{str(val_list)!r}: {len(missing)} of {len(labels)} listed pictures are "
            f"not in {str(root)!r}: {some(missing)}. Expected all of them."
        )
        raise DatasetError(msg)
    samples = in_order(
        Sample(id_of(name), there[name].path, label, there[name])
        for name, label in labels.items()
    )
    left = len(there) - len(samples)
    return Dataset(root, "tar", samples, num_classes, unlisted=left)


def _by_name(root: Path, found: Sequence[Member]) -> Mapping[str, Member]:
    there = {member.name: member for member in found}
    if len(there) < len(found):
        names = [member.name for member in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        msg = f"{str(root)!r}: members are there twice: {some(twice)}. Pack it again."
        raise DatasetError(msg)
    return there
