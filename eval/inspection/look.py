"""Read every picture once: size, digest, headers, and whether it decodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from eval.inspection.census import Facts, facts
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError, ImageError
from ppim_port.recipe import Recipe, decode

_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one picture; `problem` is None if it is whole."""

    id: str
    size: int
    sha256: str
    facts: Facts | None
    problem: str | None


def look_at(dataset: Dataset, recipe: Recipe, *, workers: int) -> Iterator[Look]:
    """Look at every picture, in order; a broken one is told and not the end.

    Args:
        dataset: whose pictures.
        recipe: says who decodes.
        workers: threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        for part in _parts(dataset.samples):
            yield from pool.map(lambda sample: _look(sample, recipe), part)


def md5_of(path: Path) -> str:
    """The md5 of a file, in hex: the digest that was published of the official tar.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(
                file, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
    except OSError as error:
        msg = f"{str(path)!r}: cannot be read: {error.strerror}."
        raise DatasetError(msg) from error


def _parts(samples: tuple[Sample, ...]) -> Iterator[tuple[Sample, ...]]:
    return (samples[at : at + _AHEAD] for at in range(0, len(samples), _AHEAD))


def _look(sample: Sample, recipe: Recipe) -> Look:
    try:
        data = sample.read()
    except ImageError as error:
        return Look(sample.id, 0, "", None, str(error))
    problem = None
    try:
        decode(data, recipe, name=str(sample.path))
    except ImageError as error:
        problem = str(error)
    digest = hashlib.sha256(data).hexdigest()
    # By its own name: the id of a validation picture always ends in .JPEG.
    return Look(sample.id, len(data), digest, facts(data, sample.path.name), problem)
