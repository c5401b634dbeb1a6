"""The classic mistakes with labels, each as the faulty label of every right one."""

from __future__ import annotations

from collections.abc import Iterator

from ppim_port.validation_set import devkit_ids


def mistakes(classes: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Name, cause, and the mapping; some lead out of the classes."""
    if classes == len(devkit_ids()):
        yield (
            "labels-devkit",
            "labels are the devkit's ids minus one, not indices among sorted wnids",
            tuple(number - 1 for number in devkit_ids()),
        )
    as_text = {
        name: place for place, name in enumerate(sorted(map(str, range(classes))))
    }
    yield (
        "labels-text-sorted",
        "numeric folder names were sorted as text: 0, 1, 10, 100",
        tuple(as_text[str(index)] for index in range(classes)),
    )
    yield (
        "labels-off-by-one",
        "labels count from 1, or from a background class",
        tuple(index + 1 for index in range(classes)),
    )
