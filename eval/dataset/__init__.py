"""Stage 1: a folder or archive becomes labelled samples, or an error that names why.

Seven layouts, found out or named:

    folders     one folder a class, named by wnid
    list        pictures, and `name index` lines
    devkit      pictures, and the devkit's ILSVRC2012_validation_ground_truth.txt
    flat        validation pictures by name; the labels ship with us
    tar         ILSVRC2012_img_val.tar, read in place
    parquet     shards with image and label
    webdataset  tar shards with key.jpg and key.cls or key.json

and of CIFAR-10 and CIFAR-100 three: see `eval.dataset.cifar`.

The same pictures give the same samples in each: ids of validation pictures are their
official names, order is by id, and labels of validation pictures are compared with the
true ones. Hidden files (a leading dot) are passed over; symlinks are followed. Nothing
else is skipped: what has no label is counted in the dataset or is an error, because a
smaller n looks like a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from eval.cifar_sets import SETS, CifarSet
from eval.dataset.cifar import known_set, open_cifar
from eval.dataset.folders import from_folders
from eval.dataset.layouts import Place, detect, look
from eval.dataset.listed import from_list
from eval.dataset.numbered import from_flat
from eval.dataset.parquet import from_parquet
from eval.dataset.tarred import from_tars
from eval.dataset.truth import check_labels
from eval.dataset.webdataset import from_shards
from eval.layout_names import PUBLISHED
from eval.records import Dataset, Layout
from ppim_port.errors import DatasetError, UnknownNameError, UsageError
from ppim_port.validation_set import GROUND_TRUTH

__all__ = ["known_set", "open_dataset"]

# In these nothing of CIFAR can lie.
_OTHERS = ("folders", "list", "devkit", "flat", "tar", "webdataset")


def open_dataset(
    root: Path,
    *,
    val_list: Path | None,
    class_wnids: Sequence[str],
    num_classes: int = 1000,
    layout: Layout | None = None,
    test_set: str = PUBLISHED,
) -> Dataset:
    """Find the pictures under `root` and their labels.

    Args:
        root: a folder of wnid folders, of pictures or of shards, or one archive.
        val_list: `name index` a line, the index among the sorted wnids from 0; or the
            devkit's ground truth.
        class_wnids: the folder name of each class, by index; some may be absent.
        num_classes: labels must be below this.
        layout: see the module's text; None finds it out.
        test_set: whose pictures they are; those of ImageNet are all laid out alike.

    Raises:
        DatasetError: nothing to evaluate, or something without a clear label.
        UnknownNameError: no such layout.
        UsageError: the layout has its own labels, and a list was given too.
    """
    root = Path(root)
    if test_set in SETS:
        return _cifar(root, val_list, num_classes, layout, SETS[test_set])
    _refuse_cifar(root, layout)
    place = look(root)
    if layout is None:
        layout = detect(place, val_list)
    _check(root, place, layout, val_list)
    if layout == "folders":
        found = place.found
        dataset = from_folders(
            root, found, class_wnids=class_wnids, num_classes=num_classes
        )
    else:
        dataset = _without_folders(root, place, layout, val_list, num_classes)
    check_labels(val_list or root, dataset.samples, num_classes)
    return dataset


def _cifar(
    root: Path,
    val_list: Path | None,
    num_classes: int,
    layout: Layout | None,
    known: CifarSet,
) -> Dataset:
    if val_list is not None:
        msg = (
            f"{str(val_list)!r}: {known.title} has labels of its own. Leave --val-list "
            "out."
        )
        raise UsageError(msg)
    return open_cifar(root, known, num_classes=num_classes, layout=layout)


def _refuse_cifar(root: Path, layout: Layout | None) -> None:
    found = None if layout in _OTHERS else known_set(root)
    if found:
        msg = (
            f"{str(root)!r}: these are the pictures of {SETS[found].title}. Name the "
            f"test set: --dataset {found}. Nothing was evaluated."
        )
        raise DatasetError(msg)
    if layout in ("cifar-python", "cifar-binary"):
        msg = f"The layout {layout!r} goes with --dataset {' or '.join(SETS)}."
        raise UsageError(msg)


def _without_folders(
    root: Path, place: Place, layout: Layout, val_list: Path | None, num_classes: int
) -> Dataset:
    if layout == "tar":
        return from_tars(root, place.tars, val_list, num_classes=num_classes)
    if layout == "parquet":
        return from_parquet(root, place.parquets, num_classes=num_classes)
    if layout == "webdataset":
        return from_shards(root, place.tars, num_classes=num_classes)
    if layout == "list" and val_list is not None:
        return from_list(root, val_list, num_classes=num_classes)
    truth = (val_list or root / GROUND_TRUTH) if layout == "devkit" else None
    return from_flat(root, truth, num_classes=num_classes)


def _check(root: Path, place: Place, layout: str, val_list: Path | None) -> None:
    known = get_args(Layout)
    if layout not in known:
        raise UnknownNameError(layout, known, kind="layout")
    if val_list is None and layout == "list":
        msg = f"{str(root)!r}: the layout {layout!r} needs --val-list FILE."
        raise UsageError(msg)
    if val_list is not None and layout in ("folders", "flat", "parquet", "webdataset"):
        msg = (
            f"{str(val_list)!r}: the layout {layout!r} has labels of its own. Leave "
            "--val-list out, or choose another --layout."
        )
        raise UsageError(msg)
    there = {"parquet": place.parquets, "tar": place.tars, "webdataset": place.tars}
    if not there.get(layout, True):
        kind = "parquet" if layout == "parquet" else "tar"
        msg = f"{str(root)!r}: the layout {layout!r} needs a .{kind} file there."
        raise DatasetError(msg)
    if layout not in there and not root.is_dir():
        msg = f"{str(root)!r}: the layout {layout!r} needs a folder, this is a file."
        raise DatasetError(msg)
