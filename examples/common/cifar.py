"""CIFAR-10 and CIFAR-100 as a training wants them: both parts, in memory.

Read are the published archives, what they unpack to, and the PNG sheets of
PeterJensen/cnn, which hold a thousand pictures each. Nothing is downloaded: where the
pictures are not there, the error says where they are published.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from eval.cifar_sets import SETS, SIDE, SOURCE, CifarSet, class_names
from eval.dataset.cifar import Table, read_table
from eval.dataset.cifar.find import only_place
from eval.dataset.cifar.training import read_training
from examples.common.pictures import Data, HeldPictures
from ppim_port.errors import DatasetError

# Sheets are numbered through the training set, then the test set.
TRAIN_SHEET = "cifar10_batch_0.png"
TEST_SHEET = "cifar10_batch_50.png"
SHEET_LABELS = "cifar10_labels.js"
A_SHEET = 1000
FIRST_OF_TEST = 50_000


def load_cifar(path: Path, name: str) -> Data:
    """The training and the test pictures of a set.

    Args:
        path: the archive, the folder that holds it, what it unpacks to, or the folder
            with the PNG sheets.
        name: "cifar10" or "cifar100".

    Raises:
        DatasetError: they are not there, not whole, or of another set.
    """
    known = SETS[name]
    if not path.exists():
        msg = (
            f"{path}: no such file or folder. Nothing was trained. Download "
            f"{known.title}'s Python version from {SOURCE} and name the folder with "
            "--data; it need not be unpacked."
        )
        raise DatasetError(msg)
    if (path / TRAIN_SHEET).is_file():
        return _sheets(path, known)
    place = only_place(path, known, None)
    test = read_table(place.files[0], known, place)
    train = read_training(path, known)
    return Data(_held(train), _held(test), class_names(known))


def _held(table: Table) -> HeldPictures:
    planes = table.pixels.reshape(-1, 3, SIDE, SIDE)
    # Planes are red, green, blue; OpenCV's pictures are interleaved the other way.
    images = np.ascontiguousarray(planes[:, ::-1].transpose(0, 2, 3, 1))
    return HeldPictures(images, np.asarray(table.labels, np.int64))


def _sheets(folder: Path, known: CifarSet) -> Data:
    if known.name != "cifar10":
        msg = (
            f"{folder}: the sheets there are of CIFAR-10, not of {known.title}. "
            "Nothing was trained. Pass --dataset cifar10, or another --data."
        )
        raise DatasetError(msg)
    labels = _sheet_labels(folder / SHEET_LABELS)
    train, test = (
        HeldPictures(_sheet(folder / sheet), labels[first : first + A_SHEET])
        for sheet, first in ((TRAIN_SHEET, 0), (TEST_SHEET, FIRST_OF_TEST))
    )
    return Data(train, test, class_names(known))


def _sheet(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    import cv2

    # A row a picture: 1024 pixels, which are its 32 rows one after the other.
    found = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if found is None or found.shape != (A_SHEET, SIDE * SIDE, 3):
        shape = "none" if found is None else "x".join(map(str, found.shape))
        msg = (
            f"{path}: expected a PNG of {A_SHEET} rows of {SIDE * SIDE} pixels, a row "
            f"a picture, got {shape}. Nothing was trained."
        )
        raise DatasetError(msg)
    return np.asarray(found, np.uint8).reshape(A_SHEET, SIDE, SIDE, 3)


def _sheet_labels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    text = path.read_text("utf-8") if path.is_file() else ""
    labels = np.array(re.findall(r"\d+", text.partition("[")[2]), np.int64)
    if len(labels) != FIRST_OF_TEST + A_SHEET or labels.max() > 9:
        msg = (
            f"{path}: expected {FIRST_OF_TEST + A_SHEET:,} labels of 0..9, got "
            f"{len(labels):,}. Nothing was trained."
        )
        raise DatasetError(msg)
    return labels
