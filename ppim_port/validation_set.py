"""The ILSVRC2012 validation set: its names, and the true label of each picture.

The labels ship with the package, compressed, and their digest is checked as they are
read, because a label file with one byte wrong gives a plausible accuracy.
"""

from __future__ import annotations

import hashlib
import lzma
import re
from functools import cache

import numpy as np

from ppim_port.errors import DatasetError
from ppim_port.imagenet import devkit_wnids, wnids

PICTURES = 50_000
TAR_NAME = "ILSVRC2012_img_val.tar"
TAR_MD5 = "29b22e2961454d5413ddabcf34fc5622"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"

_LABELS = "imagenet_val_labels.u16.xz"
_LABELS_SHA256 = "f5350687a5a78da7e645040d352767bc06c1c99d9dfb34f1623b2d1a1d046b76"
# Some mirrors append the class: ILSVRC2012_val_00000001_n01751748.JPEG.
_NAME = re.compile(r"ILSVRC2012_val_([0-9]{8})(?:_n[0-9]{8})?(?:\.[A-Za-z0-9]{1,5})?")


def number_of(name: str) -> int | None:
    """The number 1..50,000 of a validation picture, by its name; None if it is none.

    Folders before the name, the suffix, and a class appended to the stem are no part
    of the picture's identity.
    """
    match = _NAME.fullmatch(name.rpartition("/")[2])
    number = int(match[1]) if match else 0
    return number if 1 <= number <= PICTURES else None


def official_name(number: int) -> str:
    """The name of a validation picture as its authors gave it."""
    return f"ILSVRC2012_val_{number:08d}.JPEG"


@cache
def val_labels() -> tuple[int, ...]:
    """Class index of each picture: `val_labels()[i]` is that of number `i + 1`.

    Raises:
        DatasetError: the packaged labels are damaged.
    """
    from importlib.resources import files

    return unpack((files("ppim_port") / "data" / _LABELS).read_bytes())


def unpack(packed: bytes) -> tuple[int, ...]:
    """The labels out of the packaged file's bytes.

    Raises:
        DatasetError: they are not the 50,000 that were packed.
    """
    try:
        data = lzma.decompress(packed)
    except lzma.LZMAError:
        data = b""
    if hashlib.sha256(data).hexdigest() != _LABELS_SHA256:
        msg = (
            f"the packaged {_LABELS} is damaged: its sha256 is not "
            f"{_LABELS_SHA256[:16]}... Nothing was loaded. Install the package again."
        )
        raise DatasetError(msg)
    return tuple(np.frombuffer(data, "<u2").tolist())


@cache
def devkit_ids() -> tuple[int, ...]:
    """The devkit's ILSVRC2012_ID, 1..1000, of each class index."""
    position = {wnid: place for place, wnid in enumerate(devkit_wnids(), start=1)}
    return tuple(position[wnid] for wnid in wnids())


@cache
def index_of_devkit_id() -> tuple[int, ...]:
    """The class index of ILSVRC2012_ID `i + 1`."""
    index = {wnid: place for place, wnid in enumerate(wnids())}
    return tuple(index[wnid] for wnid in devkit_wnids())
