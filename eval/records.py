"""The records that the evaluator's stages hand to each other; no stage owns them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.evidence import Certificate, Flips, Timing
from ppim_port.backends import Reduced
from ppim_port.manifest import ModelRecord
from ppim_port.recipe import Recipe, read_picture
from ppim_port.state_dict import FrameworkName

Layout: TypeAlias = Literal[
    "folders",
    "list",
    "devkit",
    "flat",
    "tar",
    "parquet",
    "webdataset",
    "cifar-python",
    "cifar-binary",
]


class Source(Protocol):
    """Where a picture's bytes come from if not from a file of its own."""

    def read(self) -> bytes:
        """All bytes, or an `ImageError`; may be called by many threads."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture to classify.

    Attributes:
        id: unique in the dataset, and the same in every layout for a picture of
            ILSVRC2012 validation: its official name. Of others, the path relative to
            the root, with "/".
        path: where it lies; for a member of an archive, the archive's path and its
            name there.
        label: its class index, from 0.
        source: gives its bytes; None is the file at `path`.
    """

    id: str
    path: Path
    label: int
    source: Source | None = None

    def read(self) -> bytes:
        """The encoded picture, or an `ImageError`."""
        return read_picture(self.path) if self.source is None else self.source.read()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures in a fixed order: sorted by id, however they were listed.

    Attributes:
        root: the folder, or the archive.
        layout: how pictures and labels were found; see `eval.dataset`.
        samples: at least one, ids unique.
        classes: labels are below this.
        unlisted: pictures beside the listed ones that the list leaves out.
        ignored: visible files, relative to the root, that are no pictures.
    """

    root: Path
    layout: Layout
    samples: tuple[Sample, ...]
    classes: int
    unlisted: int = 0
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive samples, decoded and cropped, not yet normalised.

    Attributes:
        index: of the batch, from 0: it starts at sample index * batch size.
        samples: its pictures, in the dataset's order.
        images: uint8 BGR [N, crop, crop, 3].
        digests: sha256 of each picture's file, in hex.
    """

    index: int
    samples: tuple[Sample, ...]
    images: NDArray[np.uint8]
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of one picture; every number derives from these.

    Attributes:
        id: of the sample.
        digest: sha256 of the picture's file, in hex.
        label: its class index.
        top5: class indices of the five largest logits, largest first; equal logits
            in the order of their class index.
        logits: their logits, float32.
        label_logit: the label's own logit, float32.
        rank: how many classes come before the label; 0 is a right answer.
        log_sum_exp: log of the sum of the exponentials of all logits, float64: with
            it any of the logits above becomes a probability.
    """

    id: str
    digest: str
    label: int
    top5: tuple[int, ...]
    logits: tuple[float, ...]
    label_logit: float
    rank: int
    log_sum_exp: float

    @property
    def margin(self) -> float:
        """How far the best logit is ahead of the second."""
        return self.logits[0] - self.logits[1]


@dataclass(frozen=True, slots=True)
class Score:
    """Integer counts; percentages are divided once, here.

    Attributes:
        n: pictures scored.
        top1_correct: pictures whose label has the largest logit.
        top5_correct: pictures whose label is among the five largest.
    """

    n: int
    top1_correct: int
    top5_correct: int

    @property
    def top1(self) -> float:
        """Top-1 accuracy, percent."""
        return 100 * self.top1_correct / self.n

    @property
    def top5(self) -> float:
        """Top-5 accuracy, percent."""
        return 100 * self.top5_correct / self.n


Status: TypeAlias = Literal["pass", "fail", "partial", "not-comparable"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measured accuracy beside a published one; differences in percentage points.

    Attributes:
        source: who published it.
        url: where.
        note: what is special about it.
        top1, top5: as published, percent.
        top1_difference, top5_difference: measured minus published.
        tolerance: percentage points that count as equal, either way.
        within: whether both differences are within the tolerance.
    """

    source: str
    url: str
    note: str
    top1: float
    top5: float
    top1_difference: float
    top5_difference: float
    tolerance: float
    within: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, why, and the comparisons; those are empty unless comparable.

    Attributes:
        status: "pass" or "fail" against the first published figure; "partial" if the
            pictures are not the whole validation set; "not-comparable" if something
            else than the model and recipe of the published figure was run.
        reason: one sentence.
        comparisons: against each published figure.
    """

    status: Status
    reason: str
    comparisons: tuple[Comparison, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 for a failed gate, else 0."""
        return int(self.status == "fail")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        model: name in the manifest.
        val_dir: folder of wnid folders, or of pictures if `val_list` is given.
        val_list: `name index` lines for a flat folder.
        framework: who runs the net.
        weights: a weights file of either framework; None is by name.
        batch_size: pictures a forward pass.
        workers: threads that decode.
        tolerance: percentage points, instead of each published figure's own.
        progress: show bars.
        run: a folder that keeps the ledger and the result; None keeps nothing.
        recipe: name of a recipe, or a JSON file of one; None is the model's own.
        layout: of the pictures; None finds it out.
        protocol: name of the test set; it says which classes compete.
        precision: of the net's activations and weights.
        plain: run the framework's own layers, not the inference form.
        decoded: a folder that keeps decoded pictures for the next model; None keeps
            none.
    """

    model: str
    val_dir: Path
    val_list: Path | None = None
    framework: FrameworkName = "paddle"
    weights: Path | None = None
    batch_size: int = 16
    workers: int = 2
    tolerance: float | None = None
    progress: bool = False
    run: Path | None = None
    recipe: str | None = None
    layout: Layout | None = None
    protocol: str = "ilsvrc2012"
    precision: Reduced = "float32"
    plain: bool = False
    decoded: Path | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A finished evaluation; `rows` is what all of its numbers derive from.

    Attributes:
        seconds: that this session took for the pictures that it scored itself.
        scored: how many those are; None means all.
        chain: the fingerprint of the ledger; empty if it was not kept.
        dataset_digest: sha256 over ids and labels in order.
        certificate: what the bits depend on.
        timing: where this session's time went.
        flips: against float32; None in float32.
    """

    request: Request
    record: ModelRecord
    recipe: Recipe
    dataset: Dataset
    framework_version: str
    weights: Path
    weights_sha256: str
    score: Score
    verdict: Verdict
    seconds: float
    rows: tuple[Row, ...] = field(repr=False)
    scored: int | None = None
    chain: str = ""
    dataset_digest: str = ""
    certificate: Certificate = field(default_factory=Certificate)
    timing: Timing = field(default_factory=Timing)
    flips: Flips | None = None

    @property
    def images_per_second(self) -> float:
        """From the first picture's decoding to the last one's logits."""
        count = self.score.n if self.scored is None else self.scored
        return count / self.seconds if self.seconds else 0.0
