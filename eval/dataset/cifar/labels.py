"""Labels of a CIFAR set, checked before anything is scored.

Refused: labels out of range; the 20 coarse labels of CIFAR-100 in place of its 100 fine
ones; a whole test set of other counts a class; CIFAR-10's pictures in another order
than the published one, since their places are their ids and two such ledgers would
compare different pictures; class names that are not the published ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from eval.cifar_sets import PICTURES, SOURCE, CifarSet, class_names
from eval.dataset.listing import some
from ppim_port.errors import DatasetError

# Enough pictures that 80 of 100 classes cannot be absent by chance.
_TELLING = 200
_FIRST = 1000
# sha256 of the first 1,000 labels of the test set, a byte each: PeterJensen/cnn's
# cifar10_labels.js, places 50,000 to 50,999.
_ORDER = {"cifar10": "636a087e604331a0b9dafc94b6e9ade0c9cec72c4400d12473ccdb3e264474c1"}


def check_labels(where: str, labels: Sequence[int], known: CifarSet) -> None:
    """Accept labels or raise.

    Raises:
        DatasetError: see the module's text.
    """
    _check_range(where, labels, known)
    largest = max(labels)
    if known.coarse and len(labels) >= _TELLING and largest < known.coarse:
        msg = (
            f"{where!r}: the largest of {len(labels):,} labels is {largest}: these are "
            f"the {known.coarse} coarse labels. {known.title} is scored by its "
            f"{known.classes} fine ones ({known.key!r}). Nothing was evaluated."
        )
        raise DatasetError(msg)
    if len(labels) > PICTURES:
        msg = (
            f"{where!r}: {len(labels):,} pictures, but the test set of {known.title} "
            f"has {PICTURES:,}. Is it the training set? Name the test pictures."
        )
        raise DatasetError(msg)
    if len(labels) == PICTURES:
        _check_counts(where, labels, known)
    _check_order(where, labels, known)


def check_names(where: str, names: Sequence[str], known: CifarSet) -> None:
    """Hold a meta file's class names against the published ones.

    Raises:
        DatasetError: others, or in another order.
    """
    wanted = class_names(known)
    if tuple(names) == wanted:
        return
    pairs = zip(names, wanted, strict=False)
    place = next((i for i, (a, b) in enumerate(pairs) if a != b), len(names))
    msg = (
        f"{where!r}: {len(names)} class names, and number {place} is not "
        f"{known.title}'s: its {len(wanted)} begin with {some(wanted[:3])}. Labels "
        f"would mean other classes. Take the original of {SOURCE}."
    )
    raise DatasetError(msg)


def _check_range(where: str, labels: Sequence[int], known: CifarSet) -> None:
    if not labels:
        msg = f"{where!r}: holds no picture. Take the original of {SOURCE}."
        raise DatasetError(msg)
    odd = [f"picture {at}: {v}" for at, v in enumerate(labels) if not _fits(v, known)]
    if odd:
        msg = (
            f"{where!r}: {len(odd):,} labels are not in 0..{known.classes - 1}: "
            f"{some(odd)}. Another set, or a damaged file. Nothing was evaluated."
        )
        raise DatasetError(msg)


def _fits(label: int, known: CifarSet) -> bool:
    return 0 <= label < known.classes


def _check_counts(where: str, labels: Sequence[int], known: CifarSet) -> None:
    counts = Counter(labels)
    odd = [i for i in range(known.classes) if counts[i] != known.a_class]
    if odd:
        msg = (
            f"{where!r}: {counts[odd[0]]:,} pictures of class {odd[0]}, expected "
            f"{known.a_class:,} of each; {len(odd)} classes differ. These are not the "
            f"test labels of {known.title}. Nothing was evaluated."
        )
        raise DatasetError(msg)


def _check_order(where: str, labels: Sequence[int], known: CifarSet) -> None:
    wanted = _ORDER.get(known.name)
    if wanted is None or len(labels) < _FIRST:
        return
    if hashlib.sha256(bytes(labels[:_FIRST])).hexdigest() != wanted:
        msg = (
            f"{where!r}: the first {_FIRST:,} labels are not those of {known.title}'s "
            "test set in its published order. A shuffled copy, or other pictures: no "
            f"other ledger could be compared with it. Take the original of {SOURCE}."
        )
        raise DatasetError(msg)
