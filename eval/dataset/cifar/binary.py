"""The binary form: rows of a label byte (CIFAR-100: coarse, fine) and 3,072 pixels.

Nothing in the file says what it is, so its size and every label are checked. Refused:
a size that is no whole number of rows, which a cut file and the other set's have.
"""

from __future__ import annotations

import numpy as np

from eval.cifar_sets import SETS, SOURCE, CifarSet
from eval.dataset.cifar.table import Table
from ppim_port.errors import DatasetError


def read_binary(view: memoryview, where: str, known: CifarSet) -> Table:
    """The pictures and labels of a file.

    Args:
        view: the file's bytes.
        where: the file, for messages.
        known: the set that it should be of.

    Raises:
        DatasetError: of another size, or with labels out of range.
    """
    if len(view) % known.row or not len(view):
        _refuse_size(len(view), where, known)
    rows = np.frombuffer(view, np.uint8).reshape(-1, known.row)
    head = known.row - 3072
    if known.coarse and rows[:, 0].max() >= known.coarse:
        place = int(np.argmax(rows[:, 0] >= known.coarse))
        msg = (
            f"{where!r}: the coarse label of picture {place} is {rows[place, 0]}: "
            f"expected 0..{known.coarse - 1}. The file is damaged. Take the original "
            f"of {SOURCE}."
        )
        raise DatasetError(msg)
    return Table(rows[:, head:], rows[:, head - 1].tolist())


def read_names_file(data: bytes) -> tuple[str, ...]:
    """The class names of a `.txt`, one a line."""
    text = data.decode("utf-8", "replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _refuse_size(size: int, where: str, known: CifarSet) -> None:
    other = next((o for o in SETS.values() if size and not size % o.row), None)
    hint = f" It fits {other.title}: pass --dataset {other.name}." if other else ""
    msg = (
        f"{where!r}: {size:,} bytes are no whole number of {known.title}'s rows of "
        f"{known.row:,}: {size % known.row:,} are left over.{hint} Nothing was "
        f"evaluated. Restore it from {SOURCE}."
    )
    raise DatasetError(msg)
