"""The 1000 ILSVRC2012 classes in the order of their indices, and in the devkit's.

The lists ship with the package and are checked as they are read: exactly 1000 ids, each
once, sorted, because one line lost would shift all labels after it.
"""

from __future__ import annotations

import re
from functools import cache

from ppim_port.errors import DatasetError

_WNID = re.compile(r"n[0-9]{8}")
_CLASSES = 1000


@cache
def wnids() -> tuple[str, ...]:
    """The WordNet ids, sorted: `wnids()[i]` names class `i`.

    Raises:
        DatasetError: the packaged list is damaged.
    """
    from importlib.resources import files

    path = files("ppim_port") / "data" / "imagenet_wnids.txt"
    return parse(path.read_text(encoding="utf-8"))


@cache
def devkit_wnids() -> tuple[str, ...]:
    """The WordNet ids in the order of the devkit's ILSVRC2012_ID, 1 first.

    Raises:
        DatasetError: the packaged list is damaged.
    """
    from importlib.resources import files

    path = files("ppim_port") / "data" / "imagenet_devkit_wnids.txt"
    ids = _lines(path.read_text(encoding="utf-8"))
    if tuple(sorted(ids)) != wnids():
        msg = (
            "the packaged imagenet_devkit_wnids.txt is damaged: it is no order of the "
            "1000 classes. Nothing was loaded. Install the package again."
        )
        raise DatasetError(msg)
    return tuple(ids)


def parse(text: str) -> tuple[str, ...]:
    """The ids of a list, one a line, `#` starting a comment line.

    Raises:
        DatasetError: not 1000 different ids in sorted order.
    """
    lines = _lines(text)
    alike = all(_WNID.fullmatch(line) for line in lines)
    if len(lines) != _CLASSES or lines != sorted(set(lines)) or not alike:
        msg = (
            f"the packaged imagenet_wnids.txt is damaged: expected {_CLASSES} sorted, "
            f"different ids like n01440764, got {len(lines)} lines. Nothing was "
            f"loaded. Install the package again."
        )
        raise DatasetError(msg)
    return tuple(lines)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]
