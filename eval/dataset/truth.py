"""Labels of validation pictures against the true ones, and which mistake was made.

Every mistake here has been made in public, gives a run of hours and an accuracy near
0.1 %, and looks like a broken port. Pictures that are not of ILSVRC2012 validation
are not judged: nobody here knows their labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eval.dataset.listing import some
from eval.records import Sample
from ppim_port.errors import DatasetError
from ppim_port.validation_set import (
    devkit_ids,
    index_of_devkit_id,
    number_of,
    val_labels,
)

_CLASSES = 1000


def _as_text() -> tuple[int, ...]:
    """The place of each class index among 0..999 sorted as text."""
    place = {name: at for at, name in enumerate(sorted(map(str, range(_CLASSES))))}
    return tuple(place[str(index)] for index in range(_CLASSES))


def _mistakes() -> Mapping[str, Sequence[int]]:
    """What each true class index becomes under a mistake that people make."""
    ids = devkit_ids()
    return {
        "the devkit's ILSVRC2012_ID minus one, which is another order than that of "
        "the sorted wnids; pass the devkit's own ground truth file as it is": [
            number - 1 for number in ids
        ],
        "the devkit's ILSVRC2012_ID itself, which counts from 1 in another order than "
        "that of the sorted wnids; pass the devkit's own ground truth file as it is": (
            ids
        ),
        "from numeric class folders sorted as text (0, 1, 10, 100, ...); sort them as "
        "numbers, or name them by wnid": _as_text(),
        "of 1001 classes, with the background first: one too high; take one from "
        "each": range(1, _CLASSES + 1),
        "counted down from the last class; reverse them": range(_CLASSES - 1, -1, -1),
    }


def mistake(labels: Mapping[str, int]) -> str | None:
    """What is wrong with the labels of validation pictures; None if nothing is.

    Args:
        labels: by name; names of other pictures are passed over.
    """
    truth, given = val_labels(), {}
    for name, label in labels.items():
        number = number_of(name)
        if number is not None:
            given[name] = (label, truth[number - 1])
    wrong = {name: pair for name, pair in given.items() if pair[0] != pair[1]}
    if not wrong:
        return None
    shown = [f"{name} {label}, not {true}" for name, (label, true) in wrong.items()]
    text = (
        f"{len(wrong):,} of {len(given):,} labels are not those of ILSVRC2012 "
        f"validation: {some(sorted(shown))}. "
    )
    return text + _named(list(given.values()))


def _named(pairs: list[tuple[int, int]]) -> str:
    fits = [
        what
        for what, labels in _mistakes().items()
        if all(label == labels[true] for label, true in pairs)
    ]
    if not fits:
        return "They follow none of the usual mistakes; take the labels that ship."
    return f"They are {', or '.join(fits)}."


def check_labels(where: object, samples: Iterable[Sample], classes: int) -> None:
    """Refuse labels of validation pictures that are not the true ones.

    Raises:
        DatasetError: says how many, and which mistake it is.
    """
    if classes != _CLASSES:
        return
    found = mistake({sample.id: sample.label for sample in samples})
    if found:
        msg = f"{str(where)!r}: {found} Nothing was evaluated."
        raise DatasetError(msg)


def devkit_labels(ids: Sequence[int]) -> tuple[int, ...]:
    """Class indices from the devkit's 1-based ids."""
    index = index_of_devkit_id()
    return tuple(index[number - 1] for number in ids)
