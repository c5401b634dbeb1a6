"""From any weights file of a known model to the state dict of one framework's net.

Takes the publishers' files and ours alike, in every format, and accounts for every
key; used by `create_model` and by the evaluation. It proves nothing about logits:
that is what `convert` is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ppim_port.checkpoint import read
from ppim_port.manifest import ModelRecord
from ppim_port.mapping import (
    Mapping,
    TensorInfo,
    apply,
    describe,
    plan,
    refuse_bad_values,
)
from ppim_port.state_dict import FrameworkName, StateDict


@dataclass(frozen=True, slots=True)
class Weights:
    """A state dict that is ready to load, and how it came about.

    Attributes:
        path: of the file.
        mapping: what became of each of its keys.
        state: in the names and layouts of the framework that was asked for.
        stored: the file's keys, with their shapes and dtypes there.
    """

    path: Path
    mapping: Mapping
    state: StateDict
    stored: dict[str, TensorInfo]


def load_weights(
    path: str | Path, record: ModelRecord, *, framework: FrameworkName
) -> Weights:
    """Read a weights file into a framework's names and layouts.

    Args:
        path: `.pth`, `.pdparams`, `.safetensors`, `.weights.h5` or `.keras`, of any
            framework.
        record: the model that it should be.
        framework: whose net will take it.

    Raises:
        CheckpointError: the file cannot be read, or holds NaN, infinities or negative
            variances.
        MappingError: its keys, shapes or dtypes do not fit the model.
    """
    checkpoint = read(path)
    stored = describe(checkpoint.state)
    mapping = plan(
        stored,
        family=record.family,
        variant=record.variant,
        source_framework=checkpoint.framework,
        target_framework=framework,
        origin=str(path),
    )
    refuse_bad_values(checkpoint.state, str(path), "Nothing was loaded.")
    return Weights(Path(path), mapping, apply(mapping, checkpoint.state), stored)
