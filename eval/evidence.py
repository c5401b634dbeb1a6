"""What a run tells about itself beside its counts: how exact, how fast, on what."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Flips:
    """What a lower precision changed, on a sample of the pictures.

    Attributes:
        pictures: that were scored in both precisions.
        top1: of them, those with another first class.
        top5: those whose five first classes are other ones.
        largest: difference of a logit.
    """

    pictures: int = 0
    top1: int = 0
    top5: int = 0
    largest: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, in seconds.

    `read`, `decode` and `resize` (with the crop) are of all decoding threads together;
    the net's own are `wait`, for pictures, and `model`, with normalisation.
    """

    read: float = 0.0
    decode: float = 0.0
    resize: float = 0.0
    wait: float = 0.0
    model: float = 0.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a run's bits depend on besides its settings, and proof of them.

    Attributes:
        versions: of every library that touches a number.
        threads: how many each of them uses.
        flags: switches that trade exactness for speed, as they were pinned.
        canaries: sha256 of a built-in picture decoded, preprocessed and scored.
        rounding: how far the canaries' logits are from the same net's in float64.
    """

    versions: dict[str, str] = field(default_factory=dict)
    threads: dict[str, int | str] = field(default_factory=dict)
    flags: dict[str, bool | int | str] = field(default_factory=dict)
    canaries: dict[str, str] = field(default_factory=dict)
    rounding: float = 0.0
