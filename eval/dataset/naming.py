"""One id a picture, whatever the layout: what makes two ledgers comparable.

A picture of ILSVRC2012 validation has its official name, wherever it lies. Refused:
two pictures of one id, and names that a UTF-8 ledger could not hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from eval.dataset.listing import has_surrogates, some
from eval.records import Sample
from ppim_port.errors import DatasetError
from ppim_port.validation_set import number_of, official_name


def id_of(name: str) -> str:
    """The id of a picture that the layout calls `name`."""
    number = number_of(name)
    return name if number is None else official_name(number)


def in_order(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Samples sorted by id.

    Raises:
        DatasetError: ids that occur twice, or cannot be written as UTF-8.
    """
    ordered = sorted(samples, key=lambda sample: sample.id)
    bad = [sample for sample in ordered if has_surrogates(sample.id)]
    if bad:
        msg = (
            f"{len(bad)} names are not valid UTF-8: {bad[0].id!a} in "
            f"{str(bad[0].path)!a}. Rename them and run again."
        )
        raise DatasetError(msg)
    twice = [
        f"{first.id} ({first.path} and {second.path})"
        for first, second in pairwise(ordered)
        if first.id == second.id
    ]
    if twice:
        msg = (
            f"{len(twice)} pictures are there twice: {some(twice)}. Each counts once: "
            "move one of them away."
        )
        raise DatasetError(msg)
    return tuple(ordered)
