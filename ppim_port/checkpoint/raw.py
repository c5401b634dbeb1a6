"""What every pickled format comes down to: a tree of records, and storages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Raw:
    """A parsed file, before any tensor is made.

    Attributes:
        tree: What the pickle describes.
        storages: Key to bytes of torch's storages; empty for Paddle.
    """

    tree: object
    storages: Mapping[str, memoryview] = field(default_factory=dict)
