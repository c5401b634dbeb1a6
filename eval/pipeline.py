"""An evaluation, stage by stage: pictures, net, ledger, counts, verdict.

Everything that can be refused is refused before the first picture is decoded, and
what can go wrong later ends the run with the picture's name: no number is printed
that does not count every picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing

from eval.dataset import open_dataset
from eval.gate import gate, missing_from_whole
from eval.ledger import Ledger
from eval.metrics import score
from eval.preprocess import batches
from eval.records import Batch, Dataset, Request, Result
from eval.weights import open_weights
from ppim_port.backends import Backend, get_backend, require
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import UsageError
from ppim_port.imagenet import wnids
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Transform, recipe_from_dict

Say = Callable[[str], None]

PREFETCH = 3

Batches = Generator[Batch, None, None]
Watch = Callable[[Batches, int], Batches]


def evaluate(
    request: Request,
    *,
    say: Say = lambda text: None,
    watch: Watch = lambda stream, total: stream,
) -> Result:
    """Score a model on labelled pictures and compare it with what was published.

    Args:
        request: what to run.
        say: told one line for each thing that a person would want to know.
        watch: wraps the batches, to show progress; given them and the picture count.

    Raises:
        UsageError: an unknown model, an absent framework, an option out of range.
        DatasetError: the pictures or labels cannot be used; an `ImageError` names
            the picture.
        FetchError, CheckpointError, MappingError: the weights cannot be used.
        VerificationError: the net's logits are not finite.
    """
    manifest = load_manifest()
    record = manifest.model(request.model)
    require(request.framework)
    _check(request)
    recipe = recipe_from_dict(record.recipe, manifest.recipes[record.recipe])
    weights = open_weights(
        record, request.framework, request.weights, say=say, progress=request.progress
    )
    digest = sha256_file(weights.path)
    classes = weights.mapping.config.num_classes
    dataset = open_dataset(
        request.val_dir,
        val_list=request.val_list,
        class_wnids=wnids(),
        num_classes=classes,
    )
    _report_pictures(dataset, say)
    backend = get_backend(request.framework)
    model = backend.build(weights.mapping.config)
    backend.load(model, weights.state)
    begun = time.perf_counter()
    ledger = _score(request, dataset, Transform(recipe), backend, model, watch)
    seconds = time.perf_counter() - begun
    counts = score(ledger)
    other = classes != record.num_classes
    verdict = gate(
        counts,
        record.published,
        missing=missing_from_whole(dataset),
        unlike=f"a classifier of {classes} classes" if other else None,
        tolerance=request.tolerance,
    )
    return Result(
        request=request,
        record=record,
        recipe=recipe,
        dataset=dataset,
        framework_version=backend.version(),
        weights=weights.path,
        weights_sha256=digest,
        score=counts,
        verdict=verdict,
        seconds=seconds,
        rows=tuple(ledger),
    )


def _check(request: Request) -> None:
    for name, value in (
        ("batch size", request.batch_size),
        ("workers", request.workers),
    ):
        if value < 1:
            message = f"The {name} must be at least 1, got {value}."
            raise UsageError(message)
    if request.tolerance is not None and not request.tolerance >= 0:
        message = f"The tolerance must be 0 or more, got {request.tolerance}."
        raise UsageError(message)


def _report_pictures(dataset: Dataset, say: Say) -> None:
    say(f"pictures: {len(dataset.samples):,} in {dataset.root} ({dataset.layout})")
    if dataset.unlisted:
        say(f"not in the list, and not scored: {dataset.unlisted:,} pictures")
    if dataset.ignored:
        say(f"no pictures, passed over: {', '.join(dataset.ignored)}")


def _score(
    request: Request,
    dataset: Dataset,
    transform: Transform,
    backend: Backend,
    model: object,
    watch: Watch,
) -> Ledger:
    ledger = Ledger()
    stream = batches(
        dataset,
        transform,
        batch_size=request.batch_size,
        workers=request.workers,
        prefetch=PREFETCH,
    )
    # A bar must be closed too before an error is told, or both share a line.
    with closing(stream), closing(watch(stream, len(dataset.samples))) as watched:
        for batch in watched:
            images = transform.finish(batch.images)
            ledger.append(batch, backend.predict(model, images))
    return ledger
