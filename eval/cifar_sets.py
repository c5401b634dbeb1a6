"""CIFAR-10 and CIFAR-100: what their authors publish of them, and their ids.

A picture is called by set, split and place (`cifar10/test/00000`), because the binary
form has no names and the place is the same in every form. Facts are those of
https://www.cs.toronto.edu/~kriz/cifar.html; class names ship with us and are held
against the meta file beside the pictures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

SIDE = 32
PIXELS = 3 * SIDE * SIDE
PICTURES = 10_000
SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_ID = re.compile(r"(cifar10|cifar100)/test/[0-9]{5}")


@dataclass(frozen=True, slots=True)
class CifarSet:
    """One of the two sets.

    Attributes:
        name: as it is typed.
        title: as it is written.
        classes: that are scored: of CIFAR-100 the fine ones.
        coarse: superclasses beside them; 0 if there are none.
        key: of the labels in the pickled form, and of CIFAR-100's column.
        names_key: of the class names in the pickled meta file.
        names_file: of the class names in the binary form.
        recipes: of nets that were trained on it; the first is its own.
    """

    name: str
    title: str
    classes: int
    coarse: int
    key: str
    names_key: str
    names_file: str
    recipes: tuple[str, ...]

    @property
    def row(self) -> int:
        """Bytes of a picture in the binary form: labels, then planes."""
        return 1 + bool(self.coarse) + PIXELS

    @property
    def a_class(self) -> int:
        """Test pictures of each class."""
        return PICTURES // self.classes


SETS: Mapping[str, CifarSet] = MappingProxyType(
    {
        "cifar10": CifarSet(
            "cifar10",
            "CIFAR-10",
            10,
            0,
            "labels",
            "label_names",
            "batches.meta.txt",
            ("cifar10", "cifar10-kuangliu", "cifar10-mmpretrain", "cifar10-keras"),
        ),
        "cifar100": CifarSet(
            "cifar100",
            "CIFAR-100",
            100,
            20,
            "fine_labels",
            "fine_label_names",
            "fine_label_names.txt",
            ("cifar100", "cifar100-nam", "cifar100-mmpretrain"),
        ),
    }
)


def picture_id(known: CifarSet, place: int) -> str:
    """The id of a test picture, by its place from 0."""
    return f"{known.name}/test/{place:05d}"


def set_of_id(name: str) -> CifarSet | None:
    """The set of a picture's id; None for other pictures."""
    found = _ID.fullmatch(name)
    return SETS[found[1]] if found else None


def set_of_recipe(name: str) -> CifarSet | None:
    """The set that a recipe's nets were trained on; None for other recipes."""
    return next((each for each in SETS.values() if name in each.recipes), None)


def missing_from(known: CifarSet, pictures: Iterable[tuple[str, int]]) -> str | None:
    """Why ids and labels are not the whole test set; None if they are."""
    found = list(pictures)
    strays = sum(set_of_id(name) is not known for name, _ in found)
    if strays:
        return f"{strays:,} of {len(found):,} pictures are not of {known.title}"
    if len(found) != PICTURES:
        return f"{len(found):,} of the {PICTURES:,} test pictures of {known.title}"
    counts = Counter(label for _, label in found)
    if sorted(counts) != list(range(known.classes)) or set(counts.values()) != {
        known.a_class
    }:
        return f"not {known.a_class:,} pictures of each of {known.classes} classes"
    return None


@cache
def class_names(known: CifarSet) -> tuple[str, ...]:
    """The published names of the classes, by index: both lists are in ABC order."""
    from importlib.resources import files

    path = files("eval") / "data" / f"{known.name}_classes.txt"
    lines = path.read_text("utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))
