"""The three ways in which a checkpoint is turned away, as one call each."""

from __future__ import annotations

from typing import NoReturn

from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
)


def damaged(text: str) -> NoReturn:
    """Its bytes contradict each other or end too early."""
    raise CorruptCheckpointError(text)


def refused(text: str) -> NoReturn:
    """It asks for code, for absurd resources, or would be read in two ways."""
    raise UnsafeCheckpointError(text)


def unreadable(text: str) -> NoReturn:
    """It may be sound, and is nothing that we read."""
    raise CheckpointError(text)
