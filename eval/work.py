"""A prepared run at work: batches in, rows out, and in the end the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing

from eval.decoded import Decoded
from eval.gate import gate, missing_from_whole
from eval.ledger import Ledger
from eval.lower import FlipCounter
from eval.metrics import score
from eval.prepare import Prepared, Say, unlike_published
from eval.preprocess import ToPicture, batches
from eval.protocols import mask_logits, protocol
from eval.records import Batch, Result, Row
from eval.scoring import Net
from eval.timing import Clock, Timed
from ppim_port.recipe import Transform
from ppim_port.state_dict import Array

PREFETCH = 3

Batches = Generator[Batch, None, None]
Watch = Callable[[Batches, int], Batches]


class Work:
    """A prepared run, its clock, and what this process has scored of it.

    Args:
        ready: the run.
        say: told what a person would want to know.
        watch: wraps the batches, to show progress.
    """

    def __init__(self, ready: Prepared, say: Say, watch: Watch) -> None:
        self.ready = ready
        self._say = say
        self._watch = watch
        self._clock = Clock()
        self._seconds = 0.0
        self._count = 0
        self._flips = FlipCounter() if ready.exact else None
        self._exact = Net(ready.backend, ready.exact)

    def scored(
        self, wanted: Sequence[int]
    ) -> Generator[tuple[int, list[Row]], None, None]:
        """Score batches of the grid, in the order given.

        Raises:
            ImageError: a picture cannot be decoded.
            VerificationError: its logits are not finite.
        """
        if not wanted:
            return
        ready, clock = self.ready, self._clock
        transform = Transform(ready.recipe)
        net = Net(ready.backend, ready.model)
        competing = protocol(ready.request.protocol).classes
        begun = time.perf_counter()
        stream = batches(
            ready.dataset,
            self._decoder(Timed(transform, clock)),
            batch_size=ready.request.batch_size,
            workers=ready.request.workers,
            prefetch=PREFETCH,
            only=wanted,
            clock=clock,
        )
        # A bar must be closed too before an error is told, or both share a line.
        with closing(stream), closing(self._watch(stream, self._among(wanted))) as seen:
            for batch in clock.waiting(seen):
                with clock.on("model"):
                    images = transform.finish(batch.images)
                    logits = mask_logits(net.predict(images), competing)
                    self._count_flips(images, logits)
                rows = Ledger().append(batch, logits)
                self._count += len(rows)
                self._seconds = time.perf_counter() - begun
                yield batch.index, rows
        if net.most:
            self._say(f"short of memory: the net took {net.most} pictures at once")

    def result(self, rows: Iterable[Row], chain: str) -> Result:
        """Counts and verdict of a whole ledger.

        Raises:
            DatasetError: a picture is in it twice.
        """
        ready = self.ready
        ledger = Ledger()
        ledger.extend(rows)
        kept = tuple(ledger)
        counts = score(kept)
        verdict = gate(
            counts,
            ready.record.published,
            missing=missing_from_whole(ready.dataset),
            unlike=unlike_published(
                ready.record,
                ready.recipe,
                ready.dataset,
                test_set=ready.request.protocol,
            ),
            tolerance=ready.request.tolerance,
        )
        return Result(
            request=ready.request,
            record=ready.record,
            recipe=ready.recipe,
            dataset=ready.dataset,
            framework_version=ready.backend.version(),
            weights=ready.weights,
            weights_sha256=ready.weights_sha256,
            score=counts,
            verdict=verdict,
            seconds=self._seconds,
            rows=kept,
            scored=self._count,
            chain=chain,
            dataset_digest=ready.settings["dataset"],
            certificate=ready.certificate,
            timing=self._clock.timing(),
            flips=self._flips.flips if self._flips else None,
        )

    def _decoder(self, timed: Timed) -> ToPicture:
        """What makes pictures: it looks for decoded ones first, if any are kept."""
        folder, versions = self.ready.request.decoded, self.ready.certificate.versions
        if folder is None:
            return timed
        made_by = {k: v for k, v in versions.items() if k in ("opencv", "pillow")}
        return Decoded(
            timed, folder, self.ready.recipe, versions=made_by, say=self._say
        )

    def _count_flips(self, images: Array, logits: Array) -> None:
        """Score the sample in float32 too, as far as it is not full."""
        if self._flips and (count := self._flips.wanted):
            exact = self._exact.predict(images[:count])
            competing = protocol(self.ready.request.protocol).classes
            self._flips.add(logits[:count], mask_logits(exact, competing))

    def _among(self, indices: Iterable[int]) -> int:
        """Pictures in batches of the grid."""
        size, n = self.ready.request.batch_size, len(self.ready.dataset.samples)
        return sum(min(size, n - index * size) for index in indices)
