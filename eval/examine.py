"""The doctor at work: a sample of the pictures, once for each single mistake.

Pictures are decoded anew for every variant, the net is loaded anew for a change of the
weights; a change of labels costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eval.doctor import (
    AS_IS,
    Diagnosis,
    Variant,
    by_accuracy,
    by_ledger,
    variants,
)
from eval.prepare import named, pictures
from eval.preprocess import batches
from eval.protocols import mask_logits, protocol
from eval.records import Dataset, Request, Row
from eval.weights import open_weights
from ppim_port.backends import Backend, get_backend
from ppim_port.errors import DatasetError, MissingPackageError
from ppim_port.recipe import Recipe, Transform
from ppim_port.state_dict import Array, StateDict
from ppim_port.weights import Weights

SEED = 2012
PREFETCH = 3
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was asked of the doctor.

    Attributes:
        request: the run: net, pictures, recipe.
        observed: rows of the run to explain; None ranks by accuracy.
        limit: pictures at most, drawn at random with a fixed seed.
    """

    request: Request
    observed: Sequence[Row] | None = None
    limit: int = 200


def examine(asked: Examination, *, say: Say = lambda text: None) -> Diagnosis:
    """Try every variant and rank them.

    Raises:
        DatasetError: the observed run is not over these pictures.
        PpimError: as `eval.pipeline.evaluate`.
    """
    request = asked.request
    found = named(request)
    weights = open_weights(
        found.record, request.framework, request.weights, say=say, progress=False
    )
    classes = weights.mapping.config.num_classes
    observed = {row.id: row for row in asked.observed or ()}
    dataset = _drawn(pictures(request, classes), asked.limit, set(observed))
    bench = Bench(request, found.recipe, weights, dataset)
    tried = bench.possible(variants(found.recipe, classes, bench.epsilon()), say)
    labels = [sample.label for sample in dataset.samples]
    if asked.observed is None:
        return by_accuracy(tried, bench.logits, labels)
    rows = [observed[sample.id] for sample in dataset.samples]
    _tell_other_files(rows, bench, say)
    return by_ledger(tried, bench.logits, rows, labels)


class Bench:
    """Pictures and a net, ready for any variant.

    Args:
        request: framework, batch size and workers.
        recipe: the right one.
        weights: the right ones.
        dataset: what to score.
    """

    def __init__(
        self, request: Request, recipe: Recipe, weights: Weights, dataset: Dataset
    ) -> None:
        self._request, self._recipe, self._dataset = request, recipe, dataset
        self._state, self._config = weights.state, weights.mapping.config
        self._backend: Backend = get_backend(request.framework)
        self._plain: Any = None
        self._known: dict[str, Array] = {}
        self.digests: tuple[str, ...] = ()

    def epsilon(self) -> float | None:
        """Of the net's batch norms; None if it has none, or not all the same."""
        layers = self._backend.describe(self._backend.build(self._config))
        norms = [layer for layer in layers.values() if layer.kind == "batch_norm"]
        found = {layer.settings["eps"] for layer in norms}
        epsilon = found.pop() if len(found) == 1 else None
        return epsilon if isinstance(epsilon, float) else None

    def possible(self, tried: Sequence[Variant], say: Say) -> list[Variant]:
        """Score all of them; leave out, aloud, what needs an absent package."""
        found = []
        for number, variant in enumerate(tried, start=1):
            say(f"{number} of {len(tried)}: {variant.name}")
            try:
                self.logits(variant)
            except MissingPackageError as error:
                say(f"{variant.name} is not tried: {error}")
            else:
                found.append(variant)
        return found

    def logits(self, variant: Variant) -> Array:
        """`[N, classes]`; the labels' variants share those of the plain run."""
        key = AS_IS.name if variant.labels is not None else variant.name
        if key not in self._known:
            self._known[key] = self._score(variant)
        return self._known[key]

    def _model(self, variant: Variant) -> Any:
        """The net with the variant's weights; the right one is built once."""
        if variant.state is None and self._plain is not None:
            return self._plain
        model = self._backend.build(self._config)
        state: StateDict = self._state
        self._backend.load(model, variant.state(state) if variant.state else state)
        model = self._backend.fuse(model, self._config)
        if variant.state is None:
            self._plain = model
        return model

    def _score(self, variant: Variant) -> Array:
        model = self._model(variant)
        competing = protocol(self._request.protocol).classes
        transform = Transform(variant.recipe or self._recipe)
        stream = batches(
            self._dataset,
            transform,
            batch_size=self._request.batch_size,
            workers=self._request.workers,
            prefetch=PREFETCH,
        )
        parts: list[Array] = []
        digests: list[str] = []
        with closing(stream):
            for batch in stream:
                images = transform.finish(batch.images)
                if variant.tensors:
                    images = variant.tensors(images)
                logits = self._backend.predict(model, images)
                parts.append(mask_logits(logits, competing))
                digests += batch.digests
        self.digests = tuple(digests)
        return np.concatenate(parts)


def _drawn(dataset: Dataset, limit: int, observed: set[str]) -> Dataset:
    """A sample of the pictures, of those that were observed if any were."""
    samples = dataset.samples
    if observed:
        samples = tuple(sample for sample in samples if sample.id in observed)
    if not samples:
        message = (
            f"{dataset.root}: none of its pictures is in the run that is to be "
            "explained: their ids differ. Name the same folder and list as that run."
        )
        raise DatasetError(message)
    order = np.random.default_rng(SEED).permutation(len(samples))[:limit]
    return replace(dataset, samples=tuple(samples[i] for i in sorted(order.tolist())))


def _tell_other_files(rows: Sequence[Row], bench: Bench, say: Say) -> None:
    pairs = zip(rows, bench.digests, strict=True)
    if other := [row.id for row, digest in pairs if row.digest != digest]:
        say(
            f"{len(other)} of {len(rows)} files are not the ones of that run, such as "
            f"{other[0]}: a cause of its own"
        )
