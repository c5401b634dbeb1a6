"""Pictures in a folder for each class: `train/CLASS/*.jpg` and `val/CLASS/*.jpg`.

Classes are the folders of `train` in the order of their names, which is the order of
the labels. Refused: classes that one part has and the other has not, and empty ones,
because labels would mean something else, or nothing, in one of the parts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from examples.common.pictures import Data, PictureFiles
from ppim_port.errors import DatasetError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".webp"})


def load_folders(path: Path) -> Data:
    """Both parts of a data set.

    Args:
        path: the folder with `train` and `val`.

    Raises:
        DatasetError: a part, a class or a picture is missing.
    """
    train, val = path / "train", path / "val"
    for part in (train, val):
        if not part.is_dir():
            msg = (
                f"{part}: no such folder. Nothing was trained. Expected "
                f"{path}/train/CLASS/PICTURE and {path}/val/CLASS/PICTURE."
            )
            raise DatasetError(msg)
    classes = _classes(train)
    if odd := sorted(set(classes) ^ set(_classes(val))):
        msg = (
            f"{path}: train and val have different classes: {', '.join(odd[:5])} "
            f"({len(odd)} in all) are in one alone. Nothing was trained."
        )
        raise DatasetError(msg)
    return Data(_part(train, classes), _part(val, classes), classes)


def _classes(part: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in part.iterdir() if path.is_dir()))


def _part(part: Path, classes: tuple[str, ...]) -> PictureFiles:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((part / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    labels = np.array([label for _, label in found], np.int64)
    if empty := [name for at, name in enumerate(classes) if at not in set(labels)]:
        msg = (
            f"{part}: no picture of {', '.join(empty[:5])}. Nothing was trained. "
            f"Pictures end in {', '.join(sorted(SUFFIXES))}."
        )
        raise DatasetError(msg)
    return PictureFiles(tuple(path for path, _ in found), labels)
