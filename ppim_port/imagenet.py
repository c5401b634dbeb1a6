"""The 1000 ILSVRC2012 classes in the order of their indices.

The list ships with the package and is checked as it is read: exactly 1000 ids, each
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


def parse(text: str) -> tuple[str, ...]:
    """The ids of a list, one a line, `#` starting a comment line.

    Raises:
        DatasetError: not 1000 different ids in sorted order.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    alike = all(_WNID.fullmatch(line) for line in lines)
    if len(lines) != _CLASSES or lines != sorted(set(lines)) or not alike:
        msg = (
            f"the packaged imagenet_wnids.txt is damaged: expected {_CLASSES} sorted, "
            f"different ids like n01440764, got {len(lines)} lines. Nothing was "
            f"loaded. Install the package again."
        )
        raise DatasetError(msg)
    return tuple(lines)
