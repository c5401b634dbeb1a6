"""The values that a port leaves behind, so that nothing is lost without a word.

Numbers alone, and one a key: what is dropped are counters. A larger tensor is not
written out but named like any other; a digest of it stands in the provenance.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from ppim_port.mapping.records import Mapping
from ppim_port.state_dict import Array


def dropped_values(
    mapping: Mapping, source: MappingABC[str, Array]
) -> dict[str, int | float | None]:
    """Every dropped key with the number that it held.

    Args:
        mapping: a plan.
        source: the state dict that it was made for.

    Returns:
        The source's key -> its value; None for what is no single finite number.
    """
    return {
        fate.source: _number(source[fate.source])
        for fate in mapping.dropped
        if fate.source is not None
    }


def _number(value: Array) -> int | float | None:
    if value.size != 1 or value.dtype.kind not in "iuf":
        return None
    number: int | float = value.item()
    # JSON has no NaN.
    return number if abs(number) < float("inf") else None
