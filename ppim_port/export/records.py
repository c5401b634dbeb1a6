"""What is asked of an export, and what is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ppim_port.errors import UsageError

# Of pictures in a batch; any, or so many.
Batch: TypeAlias = int | Literal["dynamic"]

IMAGE_SIZE = 224
OPSET = 18
OPSETS = (18, 23)


@dataclass(frozen=True, slots=True)
class Check:
    """How far a way of running the file is from the net.

    Attributes:
        runtime: who ran it, and how, e.g. "ONNX Runtime 1.32.0, optimised".
        batch: pictures at once.
        float32: largest difference to the net's own float32 logits, over the largest
            logit of the picture.
        float64: the same to the net in float64.
    """

    runtime: str
    batch: int
    float32: float
    float64: float


@dataclass(frozen=True, slots=True)
class Exported:
    """A file, or folder, that was written and verified.

    Attributes:
        path: of it.
        size: bytes, of all of its files.
        sha256: of the file; of the weights' file in a folder.
        metadata: what was written into it, by its key there.
        checks: each way that it was run before it got its name.
    """

    path: Path
    size: int
    sha256: str
    metadata: dict[str, str]
    checks: tuple[Check, ...]


def check_batch(batch: Batch) -> None:
    """Accept a count or "dynamic".

    Raises:
        UsageError: neither.
    """
    if batch != "dynamic" and (isinstance(batch, str) or batch < 1):
        message = f"batch is {batch!r}, expected 'dynamic' or 1 or more."
        raise UsageError(message)


def check_opset(opset: int) -> None:
    """Accept the versions of ONNX's operators that were tried.

    Raises:
        UsageError: another one.
    """
    first, last = OPSETS
    if not first <= opset <= last:
        message = f"opset is {opset}, expected {first} to {last}. Nothing was written."
        raise UsageError(message)
