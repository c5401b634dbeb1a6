"""What reading and writing a checkpoint give back, and the names of the formats.

A record never holds anything of `meta`: left-behind parts are named, not shown,
because they may hold their author's paths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from ppim_port.state_dict import FrameworkName, StateDict

WriteKind: TypeAlias = Literal["pdparams", "pth", "safetensors", "weights.h5", "keras"]
"""Each is the ending of its files' names."""

NATIVE_KIND: Mapping[FrameworkName, WriteKind] = MappingProxyType(
    {"torch": "pth", "paddle": "pdparams", "keras": "weights.h5"}
)
"""A framework's own format, which holds its tensors alone."""

OWNER: Mapping[str, FrameworkName] = MappingProxyType(
    {
        **{kind: framework for framework, kind in NATIVE_KIND.items()},
        "keras": "keras",  # an archive of the net's description and its weights
    }
)
"""The framework that a format belongs to; a .safetensors belongs to none."""

# Paddle's own side tables inside a .pdparams; never weights.
NAME_TABLE = "StructuredToParameterName@@"
SLICE_TABLE = "UnpackBigParamInfor@@"


class FileFormat(StrEnum):
    """The layout of a checkpoint on disk, told by content."""

    PTH_ZIP = "pth-zip"
    PTH_LEGACY = "pth-legacy"
    PDPARAMS = "pdparams"
    SAFETENSORS = "safetensors"
    KERAS_H5 = "keras-h5"
    KERAS_ZIP = "keras-zip"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it was read.

    Attributes:
        path: The file.
        file_format: Its layout on disk.
        framework: Whose convention the keys and layouts follow.
        state: Keys as stored, in the file's order; arrays are read-only, views of
            the mapped file where aligned, else copies.
        container: Levels descended inside the file to reach the tensors.
        left_behind: Names of what else the file holds, bounded, never contents.
        stored_dtypes: Keys whose stored dtype numpy lacks: "bfloat16" was widened
            to float32, exactly. Paddle stores bfloat16 as uint16 and says so
            nowhere, so such tensors stay uint16.
    """

    path: Path
    file_format: FileFormat
    framework: FrameworkName
    state: StateDict
    container: tuple[str, ...]
    left_behind: tuple[str, ...]
    stored_dtypes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint as it was written.

    Attributes:
        path: The file.
        sha256: Hex digest of its bytes.
        size: Its length in bytes.
    """

    path: Path
    sha256: str
    size: int


def sha256_file(path: str | Path) -> str:
    """The hex SHA-256 of a file, read in chunks.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
