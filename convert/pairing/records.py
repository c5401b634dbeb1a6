"""The records that the stages of a pair's conversion hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from convert.records import Origin
from ppim_port.checkpoint import Checkpoint, WriteKind, Written
from ppim_port.mapping import Mapping
from ppim_port.pairs import Difference, Match, Mend

Witness: TypeAlias = Literal["live", "replayed"]


@dataclass(frozen=True, slots=True)
class PairRequest:
    """What was asked for.

    Attributes:
        source: the net that the weights are of, e.g. "torchvision:resnet50".
        target: the net that they are for, e.g. "paddle.vision:resnet50".
        checkpoint: the weights; None plans from the source net's own keys.
        out: file or folder; None is `<model>.<format>` in the working folder.
        force: overwrite an existing output.
        mend: port it for Paddle's net mended by the declared table.
        verify: prove that both nets give the same logits.
        allow_nonfinite: accept NaN and infinities in the weights.
    """

    source: str
    target: str
    checkpoint: Path | None = None
    out: Path | None = None
    force: bool = False
    mend: bool = False
    verify: bool = True
    allow_nonfinite: bool = False


@dataclass(frozen=True, slots=True)
class PairSource:
    """A source file, read."""

    origin: Origin
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class PairPlan:
    """A decided conversion; nothing is written yet.

    Attributes:
        match: which layer of one net is which of the other.
        mends: what Paddle's net is to be changed in; empty unless asked for.
        differences: settings that the two nets do not share, mends not yet applied.
        left: those that the mends do not remove and that evaluation feels; a port with
            any of them is refused.
        upstream: the source, None if planned from the source net's own keys.
        mapping: every key's fate.
        kind: format of the output.
        out: where it would be written.
    """

    match: Match
    mends: tuple[Mend, ...]
    differences: tuple[Difference, ...]
    left: tuple[Difference, ...]
    upstream: PairSource | None
    mapping: Mapping
    kind: WriteKind
    out: Path

    @property
    def name(self) -> str:
        """What is converted, for messages and the sidecar."""
        return f"{self.match.source.net} -> {self.match.target.net}"


@dataclass(frozen=True, slots=True)
class PairProof:
    """What was compared, and how far apart it was.

    Attributes:
        max_relative_difference: between the float64 logits of both nets with the very
            weights of the checkpoint, relative to the largest logit.
        tolerance: what it must stay under.
        precision: of nets, input and logits.
        images: how many.
        image_size: height and width, in pixels.
        seed: of the standard normal input.
        source: what ran the source.
        target: what ran what was converted.
        witness: who spoke for torchvision: "live" the package itself, or "replayed"
            its recorded net, run by PyTorch.
        reference: where it was replayed, the difference between the live Paddle net,
            with seeded weights through the same map, and the logits that the real
            torchvision gave to them when it was recorded.
        recorded_with: the versions that torchvision's net was described with.
        operations: how many operations of both live nets do the same.
        tensors: how many the target's net held, bit for bit what was loaded.
        state_sha256: over those tensors, read back out of the net.
    """

    max_relative_difference: float
    tolerance: float
    precision: str
    images: int
    image_size: int
    seed: int
    source: str
    target: str
    witness: Witness
    reference: float | None
    recorded_with: dict[str, str]
    operations: int
    tensors: int
    state_sha256: str


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """A finished conversion."""

    plan: PairPlan
    written: Written
    provenance: Path
    proof: PairProof | None
