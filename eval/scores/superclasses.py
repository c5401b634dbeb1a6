"""Confusion between superclasses: is a wrong answer at least the right kind of thing?

The table is made here from the order of the class indices. WordNet ids sort by
lexicographer file (animal, artifact, communication, food, object, person, plant,
substance), and animals nearly by kinship, so that a superclass is a few ranges of
indices. Two lines are everyday words and not biology: "wild dog" holds the
foxes and wolves, and "invertebrate" is what is neither vertebrate nor insect.
Fungi are plants, and menus food, because WordNet files them so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from eval.scores.columns import Columns, Whole

CLASSES = 1000
# Ranges of class indices, both ends included.
SUPERCLASSES: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        "fish": ((0, 6), (389, 397)),
        "bird": ((7, 24), (80, 100), (127, 146)),
        "amphibian": ((25, 32),),
        "reptile": ((33, 68),),
        "invertebrate": ((69, 79), (107, 126), (327, 329)),
        "insect": ((300, 326),),
        "marsupial or monotreme": ((102, 106),),
        "sea mammal": ((147, 150),),
        "dog": ((151, 268),),
        "wild dog": ((269, 275), (277, 280)),
        "cat": ((281, 293),),
        "bear": ((294, 297),),
        "rabbit or rodent": ((330, 338),),
        "ungulate": ((339, 355),),
        "primate": ((365, 384),),
        "other mammal": (
            (101, 101),
            (276, 276),
            (298, 299),
            (356, 364),
            (385, 388),
        ),
        "artifact": ((398, 915),),
        "communication": ((916, 921),),
        "food": ((922, 969),),
        "natural object": ((970, 980),),
        "person": ((981, 983),),
        "plant": ((984, 998),),
        "substance": ((999, 999),),
    }
)


@dataclass(frozen=True, slots=True)
class Superclasses:
    """Counts of pictures by superclass.

    Attributes:
        names: superclasses that a label or an answer falls into, in a fixed order.
        counts: `counts[i][j]` pictures of names[i] were taken for names[j].
        correct: pictures taken for their own superclass, right or wrong class.
        accuracy: percent of all pictures.
        wrong: pictures of a wrong class.
        wrong_inside: of those, taken for a class of their own superclass.
    """

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    correct: int
    accuracy: float
    wrong: int
    wrong_inside: int


def superclass_confusion(table: Columns) -> Superclasses | None:
    """The confusion matrix; None if a class index is none of ILSVRC2012's 1000."""
    if max(table.labels.max(), table.predicted.max()) >= CLASSES:
        return None
    of_class = class_superclasses()
    own, answered = of_class[table.labels], of_class[table.predicted]
    size = len(SUPERCLASSES)
    matrix = np.bincount(own * size + answered, minlength=size * size)
    matrix = matrix.reshape(size, size)
    used = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    correct = int(np.trace(matrix))
    right = int(table.correct.sum())
    names = tuple(SUPERCLASSES)
    return Superclasses(
        names=tuple(names[index] for index in used),
        counts=tuple(tuple(map(int, matrix[index][used])) for index in used),
        correct=correct,
        accuracy=100 * correct / len(table),
        wrong=len(table) - right,
        wrong_inside=correct - right,
    )


def class_superclasses() -> Whole:
    """`[1000]`: the place of each class's superclass in the table."""
    places = np.full(CLASSES, -1, np.int64)
    for place, ranges in enumerate(SUPERCLASSES.values()):
        for first, last in ranges:
            places[first : last + 1] = place
    return places
