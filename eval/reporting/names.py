"""What a class is called: its WordNet id, and its words if a list of them is given.

No list of words ships with us; any of the usual `n01440764 tench, Tinca tinca` files
serves. Refused: a line of another form, because a shifted list names every class wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ppim_port.errors import DatasetError
from ppim_port.imagenet import wnids

_LINE = re.compile(r"(n\d{8})\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names by class index.

    Attributes:
        words: by WordNet id; may be empty.
        plain: by index, of classes that have no WordNet id; empty for ImageNet's.
    """

    words: dict[str, str] = field(default_factory=dict)
    plain: tuple[str, ...] = ()

    def __call__(self, index: int) -> str:
        """The first word if there is one, and the id; of strange classes, the index."""
        known = self.plain or wnids()
        if index >= len(known):
            return f"class {index}"
        word = self.words.get(known[index], "").split(",")[0]
        return f"{word} ({known[index]})" if word else known[index]


def load_names(path: Path) -> ClassNames:
    """Read lines of `wnid words`.

    Raises:
        DatasetError: it cannot be read, or a line is of another form.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"{path}: the class names cannot be read: {why}."
        raise DatasetError(message) from error
    words = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line.strip())
        if line.strip() and not found:
            message = (
                f"{path}: line {number}: expected `n01440764 tench, Tinca tinca`, got "
                f"{line[:60]!r}."
            )
            raise DatasetError(message)
        if found:
            words[found[1]] = found[2]
    return ClassNames(words)
