"""Everything before the first picture: recipe, weights, pictures, net, certificate.

Whatever can be refused is refused here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.certificate import Canaries, certify, oracle
from eval.dataset import open_dataset
from eval.evidence import Certificate
from eval.layout_names import PUBLISHED
from eval.order import shuffled
from eval.protocols import (
    check_classes,
    default_recipe,
    protocol,
    published_set,
    stated,
)
from eval.records import Dataset, Request
from eval.settings import all_settings, asked_settings
from eval.weights import open_weights
from ppim_port.backends import Backend, get_backend, require
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import UsageError
from ppim_port.imagenet import wnids
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.memory import give_back
from ppim_port.models.family import Config
from ppim_port.recipe import Recipe, Transform, open_recipe

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Named:
    """What a request means before anything of size is opened."""

    record: ModelRecord
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that could begin.

    Attributes:
        settings: all that decides the numbers: the header of the ledger.
        model: of the backend, loaded, in the form that scores.
        exact: what its first classes are held against; None in float32.
    """

    request: Request
    record: ModelRecord
    recipe: Recipe
    dataset: Dataset
    weights: Path
    weights_sha256: str
    settings: dict[str, Any]
    certificate: Certificate
    backend: Backend
    model: Any
    exact: Any

    @property
    def total(self) -> int:
        """Batches of the run's grid."""
        return -(-len(self.dataset.samples) // self.request.batch_size)


def named(request: Request) -> Named:
    """Check a request's options and look its names up.

    Raises:
        UsageError: an unknown model, an absent framework, an option out of range.
    """
    manifest = load_manifest()
    record = manifest.model(request.model)
    require(request.framework)
    _check(request)
    own = default_recipe(record, protocol(request.protocol))
    recipe = open_recipe(request.recipe or own, manifest.recipes)
    return Named(record, recipe)


def unlike_published(
    record: ModelRecord, recipe: Recipe, dataset: Dataset, *, test_set: str
) -> str | None:
    """Why a run is not what the published figures are of; None if it is.

    A recipe is its arithmetic: another name for the same is the published one.
    """
    if not record.published:
        return "a model of which no figures are published"
    if test_set != published_set(record):
        return stated(protocol(test_set), len(dataset.samples))
    if dataset.classes != record.num_classes:
        return f"a classifier of {dataset.classes} classes"
    own = open_recipe(record.recipe, load_manifest().recipes)
    if recipe.fingerprint() != own.fingerprint():
        return (
            f"recipe {recipe.name} ({recipe.fingerprint()}) is not {own.name} "
            f"({own.fingerprint()}), the one of the figures"
        )
    return None


def prepare(
    request: Request, found: Named, say: Say, *, order_seed: int | None = None
) -> Prepared:
    """Open the weights and the pictures, build the net, run the canaries.

    Args:
        request: what to run.
        found: its names.
        say: told what a person would want to know.
        order_seed: of a random order of the pictures; None is by their ids.

    Raises:
        DatasetError: the pictures or labels cannot be used.
        FetchError, CheckpointError, MappingError: the weights cannot be used.
    """
    weights = open_weights(
        found.record,
        request.framework,
        request.weights,
        say=say,
        progress=request.progress,
    )
    digest = sha256_file(weights.path)
    config = weights.mapping.config
    dataset = pictures(request, config.num_classes)
    if order_seed is not None:
        dataset = shuffled(dataset, seed=order_seed)
    chosen = protocol(request.protocol)
    _report_pictures(dataset, say)
    if chosen.name != PUBLISHED:
        say(f"protocol: {chosen.name}, {chosen.subset} compete")
    backend = get_backend(request.framework)
    canaries = Canaries.of(Transform(found.recipe))
    truth = oracle(canaries, backend, config, weights.state)
    net = backend.build(config)
    backend.load(net, weights.state)
    model, exact = _forms(backend, net, config, request)
    certificate = certify(
        canaries,
        backend,
        model=model,
        exact=truth,
        workers=request.workers,
    )
    asked = asked_settings(
        found.record,
        found.recipe,
        request.framework,
        dataset=dataset,
        batch_size=request.batch_size,
        protocol=request.protocol,
        precision=request.precision,
        order_seed=order_seed,
    )
    return Prepared(
        request=request,
        record=found.record,
        recipe=found.recipe,
        dataset=dataset,
        weights=weights.path,
        weights_sha256=digest,
        settings=all_settings(asked, digest, certificate),
        certificate=certificate,
        backend=backend,
        model=model,
        exact=exact,
    )


def _forms(
    backend: Backend, net: Any, config: Config, request: Request
) -> tuple[Any, Any]:
    """The net in the form that scores, and in float32 where that is another."""
    if request.plain:
        return net, None
    model = backend.fuse(net, config, precision=request.precision)
    give_back()
    if request.precision == "float32":
        return model, None
    exact = backend.fuse(net, config)
    give_back()
    return model, exact


def pictures(request: Request, classes: int) -> Dataset:
    """The labelled pictures of a request.

    Raises:
        DatasetError: the pictures or labels cannot be used, or are not of the
            request's protocol.
    """
    dataset = open_dataset(
        request.val_dir,
        val_list=request.val_list,
        class_wnids=wnids(),
        num_classes=classes,
        layout=request.layout,
        test_set=request.protocol,
    )
    check_classes(dataset, protocol(request.protocol))
    return dataset


def _check(request: Request) -> None:
    if request.plain and request.precision != "float32":
        message = (
            f"The framework's own layers run in float32; {request.precision} is of the "
            "inference form. Ask for one of them."
        )
        raise UsageError(message)
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
