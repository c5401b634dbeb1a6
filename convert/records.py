"""The records that the stages of a conversion hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ppim_port.checkpoint import Checkpoint, WriteKind, Written
from ppim_port.manifest import ModelRecord
from ppim_port.mapping import Mapping
from ppim_port.state_dict import FrameworkName


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        model: name in the manifest.
        checkpoint: a file at hand; None fetches from the manifest's sources.
        source: take this source of the manifest only; None tries them in order.
        to: format of the output, or a framework, for the format of its that `out`
            ends in, else its own; None is what `out` ends in, else the other
            framework's own.
        framework: naming and layout inside of a `.safetensors`; None is the other
            framework than the source's.
        out: file or folder; None is `<model>.<format>` in the working folder.
        force: overwrite an existing output.
        verify: prove that both nets give the same logits.
        gradients: prove that both nets give the same gradients too.
        allow_nonfinite: accept NaN, infinities and negative variances in the weights.
        progress: show a bar while downloading.
    """

    model: str
    checkpoint: Path | None = None
    source: str | None = None
    to: WriteKind | FrameworkName | None = None
    framework: FrameworkName | None = None
    out: Path | None = None
    force: bool = False
    verify: bool = True
    gradients: bool = False
    allow_nonfinite: bool = False
    progress: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the source file came from, its digest, and why that is believed."""

    path: Path
    name: str
    url: str | None
    sha256: str
    trust: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """A source file, read, and the record of the model that it should be."""

    record: ModelRecord
    origin: Origin
    checkpoint: Checkpoint


class Sourced(Protocol):
    """A source file, read."""

    @property
    def origin(self) -> Origin:
        """Where it came from."""

    @property
    def checkpoint(self) -> Checkpoint:
        """What is in it."""


class Decided(Protocol):
    """A decided conversion of any sort: what sidecars and tables are made of."""

    @property
    def name(self) -> str:
        """What is converted."""

    @property
    def upstream(self) -> Sourced | None:
        """The source; None if no file was read."""

    @property
    def mapping(self) -> Mapping:
        """Every key's fate."""

    @property
    def kind(self) -> WriteKind:
        """Format of the output."""

    @property
    def out(self) -> Path:
        """Where it would be written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A decided conversion; nothing is written yet.

    Attributes:
        record: the model's.
        upstream: the source, None if planned from the published layout alone.
        mapping: every key's fate.
        kind: format of the output.
        out: where it would be written.
    """

    record: ModelRecord
    upstream: Upstream | None
    mapping: Mapping
    kind: WriteKind
    out: Path

    @property
    def name(self) -> str:
        """What is converted: the model's name."""
        return self.record.name


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How far float32 logits are from the same net's float64 ones, as in `Proof`.

    None where float32 overflows on the input of the proof, which float64 does not.
    """

    source: float | None
    target: float | None


@dataclass(frozen=True, slots=True)
class GradientProof:
    """The float64 gradients of both nets, compared.

    Attributes:
        max_relative_difference: largest difference, relative to the largest number of
            its tensor.
        worst: the tensor that it is in.
        tensors: how many were compared: every parameter, and the picture.
        image_size: of the one picture, in pixels.
    """

    max_relative_difference: float
    worst: str
    tensors: int
    image_size: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The logits of both nets, compared in float64 on the same input.

    Attributes:
        max_relative_difference: largest difference of a logit, relative to the largest
            logit of its row.
        tolerance: what it must stay under.
        precision: of nets, input and logits.
        images: how many.
        image_size: height and width, in pixels.
        seed: of the standard normal input.
        source: framework and version that ran the source.
        target: framework and version that ran what was converted.
        noise_floor: what float32 alone costs each framework.
        layers: how many layers of both live nets are set alike.
        tensors: how many the target's net held, bit for bit what was loaded.
        state_sha256: over those tensors, read back out of the net.
        gradients: the backward pass compared, None if that was not asked for.
    """

    max_relative_difference: float
    tolerance: float
    precision: str
    images: int
    image_size: int
    seed: int
    source: str
    target: str
    noise_floor: NoiseFloor
    layers: int
    tensors: int
    state_sha256: str
    gradients: GradientProof | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished conversion."""

    plan: Plan
    written: Written
    provenance: Path
    proof: Proof | None
