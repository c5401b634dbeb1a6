"""A parity run: pictures are decoded once, and both nets get the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from eval.cifar_sets import SETS
from eval.parity import Divergence, Parity, Watch, first_divergence, parity
from eval.players import Part, Player, players
from eval.prepare import named, pictures
from eval.preprocess import batches
from eval.protocols import protocol
from eval.records import Dataset, Request
from ppim_port.errors import DatasetError, UsageError
from ppim_port.recipe import Transform
from ppim_port.state_dict import KNOWN_FRAMEWORKS, Array, FrameworkName

PREFETCH = 3


@dataclass(frozen=True, slots=True)
class Sides:
    """What was asked for.

    Attributes:
        request: net, pictures, recipe; its framework is not looked at.
        frameworks: the two; the first is the reference.
        apart: a process for each.
        limit: pictures at most; None is all.
    """

    request: Request
    frameworks: tuple[FrameworkName, ...] = ("torch", "paddle")
    apart: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The report, and where the nets part if they do."""

    sides: Sides
    parity: Parity
    divergence: Divergence | None


def run_parity(sides: Sides, *, say: Callable[[str], None]) -> SideBySide:
    """Run both nets over the pictures.

    Raises:
        UsageError: not two different frameworks, or one is not installed.
        PpimError: as `eval.pipeline.evaluate`.
    """
    if len(set(sides.frameworks)) != 2 or len(sides.frameworks) != 2:
        names = ",".join(sides.frameworks)
        message = f"Parity takes two different frameworks, got {names}."
        raise UsageError(message)
    requests = [replace(sides.request, framework=name) for name in sides.frameworks]
    found, _ = (named(request) for request in requests)
    transform = Transform(found.recipe)
    cifar = SETS.get(sides.request.protocol)
    classes = cifar.classes if cifar else found.record.num_classes
    dataset = pictures(sides.request, classes)
    dataset = replace(dataset, samples=dataset.samples[: sides.limit])
    parts = tuple(Part(r.model, r.framework, r.weights) for r in requests)
    say(f"pictures: {len(dataset.samples):,} in {dataset.root}")
    with players(parts, apart=sides.apart) as nets:
        report = parity(_watch(sides.request, dataset, transform, nets))
        divergence = None
        if not report.within:
            suspect = {s.id: s for s in dataset.samples}[_suspect(report)]
            first, second = _ask(nets, "trace", transform(suspect.read())[None])
            divergence = first_divergence(first, second)
    return SideBySide(sides, report, divergence)


def _watch(
    request: Request, dataset: Dataset, transform: Transform, nets: Sequence[Player]
) -> Watch:
    watch = Watch()
    # Columns, not masked ones: differences are relative to the largest logit.
    competing = list(protocol(request.protocol).classes or range(dataset.classes))
    stream = batches(
        dataset,
        transform,
        batch_size=request.batch_size,
        workers=request.workers,
        prefetch=PREFETCH,
    )
    with closing(stream):
        for batch in stream:
            images = transform.finish(batch.images)
            first, second = _ask(nets, "predict", images)
            _refuse_fewer(first.shape[1], dataset)
            ids = [sample.id for sample in batch.samples]
            watch.add(ids, first[:, competing], second[:, competing])
    return watch


def _refuse_fewer(outputs: int, dataset: Dataset) -> None:
    if outputs != dataset.classes:
        message = (
            f"{str(dataset.root)!r}: pictures of {dataset.classes} classes, and a net "
            f"of {outputs}. Name weights of a net for them."
        )
        raise DatasetError(message)


def _ask(nets: Sequence[Player], what: str, images: Array) -> list[Any]:
    """Ask all before waiting for any: processes work side by side."""
    for net in nets:
        net.ask(what, images)
    return [net.answer() for net in nets]


def _suspect(found: Parity) -> str:
    """The picture to look into: one that disagrees, or else the worst."""
    return found.disagree[0] if found.disagree else found.worst


def frameworks_of(text: str) -> tuple[FrameworkName, ...]:
    """`torch,paddle` as names.

    Raises:
        UsageError: one of them is unknown.
    """
    names = tuple(text.split(","))
    for name in names:
        if name not in KNOWN_FRAMEWORKS:
            known = ", ".join(KNOWN_FRAMEWORKS)
            message = f"Unknown framework {name!r}. Known: {known}."
            raise UsageError(message)
    return names  # type: ignore[return-value]  # checked above
