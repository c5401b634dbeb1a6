"""What is in a weights file: keys, shapes, dtypes, values, and whose they are.

Nothing in the file is executed and no framework is imported. One tensor is in memory
at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convert.candidates import Candidate, candidates
from convert.figures import Figures, figures_of
from ppim_port.checkpoint import FileFormat, open_checkpoint, sha256_file
from ppim_port.mapping import TensorInfo, bad_values
from ppim_port.state_dict import Array, FrameworkName


@dataclass(frozen=True, slots=True)
class TensorReport:
    """One tensor: its place in the file, its kind, and its values in figures.

    Attributes:
        key: as stored.
        shape: as stored.
        dtype: numpy's name; what was bfloat16 is float32 here.
        stored_dtype: the file's own, where numpy has no such dtype.
        size: elements.
        figures: of its values.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    stored_dtype: str | None
    size: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Inspection:
    """A weights file, looked at.

    Attributes:
        path: of the file.
        size: of the file, in bytes.
        sha256: of the file.
        file_format: its layout on disk.
        framework: whose names and layouts the keys follow.
        container: levels descended inside the file to reach the tensors.
        left_behind: names of what else the file holds, never contents.
        tensors: in the file's order.
        bad_values: NaN, infinities, negative variances, each key named; "" if none.
        candidates: every model of the manifest, the best first.
    """

    path: Path
    size: int
    sha256: str
    file_format: FileFormat
    framework: FrameworkName
    container: tuple[str, ...]
    left_behind: tuple[str, ...]
    tensors: tuple[TensorReport, ...]
    bad_values: str
    candidates: tuple[Candidate, ...]


def inspect(path: str | Path) -> Inspection:
    """Look at a weights file of any format.

    Args:
        path: .pth (zip or legacy), .pdparams or .safetensors; the name does not matter.

    Raises:
        CheckpointError: it cannot be read; see `ppim_port.checkpoint.read`.
    """
    file = Path(path)
    opened = open_checkpoint(file)
    reports, bad = [], []
    for key, value in opened.tensors:
        reports.append(_report(key, value, opened.stored_dtypes.get(key)))
        bad.append(bad_values({key: value}))
    infos = {r.key: TensorInfo(r.shape, r.dtype) for r in reports}
    return Inspection(
        file,
        file.stat().st_size,
        sha256_file(file),
        opened.file_format,
        opened.framework,
        opened.container,
        opened.left_behind,
        tuple(reports),
        "; ".join(text for text in bad if text),
        tuple(candidates(infos, opened.framework)),
    )


def _report(key: str, value: Array, stored: str | None) -> TensorReport:
    return TensorReport(
        key,
        tuple(value.shape),
        value.dtype.name,
        stored,
        value.size,
        figures_of(value),
    )
