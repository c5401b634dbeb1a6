"""How a checkpoint spells a net's keys: as the net does, wrapped, or as of old.

Only spellings that publishers really use are known; anything else stays unexpected.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from ppim_port.mapping.fit import WRAPPER

# torchvision's own DenseNet files still say `norm.1.weight` for `norm1.weight`.
_OLD_DENSENET: Final = re.compile(r"(\.denselayer\d+\.(?:norm|conv))(\d)\.")


def spelled(
    keys: Collection[str], found: Collection[str]
) -> tuple[str, dict[str, str]]:
    """The spelling that finds the most keys.

    Args:
        keys: of the net.
        found: in the checkpoint.

    Returns:
        Its name for messages, and key of the net -> key in that spelling.
    """
    ways = [("as the net", dict(zip(keys, keys, strict=True)))]
    ways.append(("old DenseNet", {k: _OLD_DENSENET.sub(r"\1.\2.", k) for k in keys}))
    ways += [(f"{n}, in {WRAPPER}*", _wrapped(way)) for n, way in tuple(ways)]
    present = frozenset(found)

    def hits(way: tuple[str, Mapping[str, str]]) -> int:
        return len(present.intersection(way[1].values()))

    return max(ways, key=hits)


def _wrapped(way: Mapping[str, str]) -> dict[str, str]:
    return {key: WRAPPER + published for key, published in way.items()}
