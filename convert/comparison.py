"""Two weights files, tensor by tensor, across formats and frameworks.

Bits are compared first: what is bitwise equal needs no tolerance. Where bits differ,
the differences are those of float64 copies. NaN is equal to the same NaN alone, and
passes no tolerance. Equal tensors prove nothing about the nets that hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

import numpy as np

from convert.alignment import Aligned, align
from convert.figures import runs
from ppim_port.checkpoint import read
from ppim_port.checkpoint.prepared import contiguous, raw_bytes
from ppim_port.state_dict import Array, FrameworkName


class Verdict(StrEnum):
    """What became of one tensor; the first four are no difference."""

    EQUAL = "equal"
    WIDENED = "equal, widened"
    CLOSE = "within tolerance"
    NO_PLACE = "no counterpart"
    DIFFERENT = "different"
    SHAPE = "shape"
    MISSING = "missing"
    UNEXPECTED = "unexpected"


SAME = frozenset({Verdict.EQUAL, Verdict.WIDENED, Verdict.CLOSE, Verdict.NO_PLACE})


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor of the two files.

    Attributes:
        name: under the common names.
        first: key in the first file; None if it is not there.
        second: key in the second file; None if it is not there.
        verdict: what became of it.
        first_kind: dtype and shape as compared.
        second_kind: dtype and shape as compared.
        differing: elements whose values differ.
        max_absolute: the largest difference; NaN if anything there is not finite.
        max_relative: that, over the largest magnitude of the first tensor.
    """

    name: str
    first: str | None
    second: str | None
    verdict: Verdict
    first_kind: str = ""
    second_kind: str = ""
    differing: int = 0
    max_absolute: float = 0.0
    max_relative: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Two files, compared.

    Attributes:
        first: path.
        second: path.
        framework: whose names and layouts were compared.
        models: whose names were used in each file; None for the names as stored.
        tolerance: largest relative difference that counts as none.
        tensors: in the first file's order, what only the second has at the end.
    """

    first: Path
    second: Path
    framework: FrameworkName
    models: tuple[str | None, str | None]
    tolerance: float
    tensors: tuple[TensorDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether no tensor differs, by bits or within the tolerance."""
        return all(tensor.verdict in SAME for tensor in self.tensors)


def diff(
    first: str | Path, second: str | Path, *, tolerance: float = 0.0
) -> Difference:
    """Compare two weights files of any format and framework.

    Args:
        first: the reference.
        second: what is held against it; "missing" and "unexpected" are said of it.
        tolerance: a tensor's largest difference, relative to the first's largest
            magnitude, that still counts as none; 0 asks for equal bits.

    Raises:
        CheckpointError: a file cannot be read.
    """
    files = read(first), read(second)
    before, after, framework = align(*files)
    return Difference(
        Path(first),
        Path(second),
        framework,
        (before.model, after.model),
        tolerance,
        tuple(_tensors(before, after, tolerance)),
    )


def _tensors(
    before: Aligned, after: Aligned, tolerance: float
) -> Iterator[TensorDifference]:
    for name in chain(before.state, (n for n in after.state if n not in before.state)):
        first, second = before.stored.get(name), after.stored.get(name)
        if second is None:
            yield TensorDifference(name, first, None, Verdict.MISSING)
        elif first is None:
            yield TensorDifference(name, None, second, Verdict.UNEXPECTED)
        else:
            values = before.state[name], after.state[name]
            yield _compared(name, (first, second), values, tolerance)
    for key in before.without:
        yield TensorDifference(key, key, None, Verdict.NO_PLACE)
    for key in after.without:
        yield TensorDifference(key, None, key, Verdict.NO_PLACE)


def _compared(
    name: str, keys: tuple[str, str], values: tuple[Array, Array], tolerance: float
) -> TensorDifference:
    verdict, count, absolute, relative = _judged(*values, tolerance)
    mine, theirs = (f"{value.dtype} {list(value.shape)}" for value in values)
    return TensorDifference(
        name, *keys, verdict, mine, theirs, count, absolute, relative
    )


def _judged(
    first: Array, second: Array, tolerance: float
) -> tuple[Verdict, int, float, float]:
    if first.shape != second.shape:
        return Verdict.SHAPE, 0, 0.0, 0.0
    if first.dtype == second.dtype:
        if _same_bits(first, second):
            return Verdict.EQUAL, 0, 0.0, 0.0
    elif _same_when_widened(first, second):
        return Verdict.WIDENED, 0, 0.0, 0.0
    count, absolute, scale = _distance(first, second)
    relative = absolute / scale if scale else absolute and float("inf")
    close = tolerance > 0 and relative <= tolerance
    return Verdict.CLOSE if close else Verdict.DIFFERENT, count, absolute, relative


def _same_bits(first: Array, second: Array) -> bool:
    mine, theirs = raw_bytes(contiguous(first)), raw_bytes(contiguous(second))
    return np.array_equal(np.frombuffer(mine, "u1"), np.frombuffer(theirs, "u1"))


def _same_when_widened(first: Array, second: Array) -> bool:
    """As when float16 became float32: exactly, or not at all."""
    if {first.dtype.kind, second.dtype.kind} != {"f"}:
        return False  # a large integer has no float of its own
    wider = np.promote_types(first.dtype, second.dtype)
    return _same_bits(first.astype(wider), second.astype(wider))


def _distance(first: Array, second: Array) -> tuple[int, float, float]:
    """Differing elements, the largest difference, the first's largest magnitude.

    NaN anywhere makes a NaN of the difference, and so of every comparison with it.
    """
    count, largest, scale = 0, 0.0, 0.0
    for mine, theirs in zip(runs(first), runs(second), strict=True):
        with np.errstate(invalid="ignore"):
            apart = np.abs(mine - theirs)
        count += int(np.count_nonzero(mine != theirs))
        largest = float(np.maximum(largest, apart.max(initial=0.0)))
        scale = float(np.maximum(scale, np.abs(mine).max(initial=0.0)))
    return count, largest, scale
