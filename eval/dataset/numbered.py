"""Pictures whose names hold their number: labels come from a table of 50,000.

Either the devkit's ground truth (ids from 1, in its own class order), or the labels
that ship with the package. The two are the same labels, and a ground truth file that
says otherwise is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from eval.dataset.listing import entries, some
from eval.dataset.naming import in_order
from eval.dataset.truth import devkit_labels
from eval.records import Dataset, Layout, Sample, Source
from ppim_port.errors import DatasetError
from ppim_port.validation_set import (
    GROUND_TRUTH,
    PICTURES,
    number_of,
    official_name,
    val_labels,
)

_CLASSES = 1000
Found = Iterable[tuple[str, Path, Source | None]]


def from_flat(root: Path, truth: Path | None, *, num_classes: int) -> Dataset:
    """The pictures of a flat folder.

    Args:
        root: the folder.
        truth: the devkit's ground truth; None takes the labels that ship with us.
        num_classes: must be 1000.

    Raises:
        DatasetError: names without a number, or a bad ground truth.
    """
    found = entries(root)
    if found.folders:
        msg = (
            f"{str(root)!r}: a flat folder holds no folders, but here are "
            f"{some(found.folders)}. Move them away, or choose another --layout."
        )
        raise DatasetError(msg)
    labels = val_labels() if truth is None else read_ground_truth(truth)
    samples = numbered(
        root,
        ((name, root / name, None) for name in found.pictures),
        labels,
        num_classes=num_classes,
    )
    own = GROUND_TRUTH if truth is None else truth.name
    ignored = tuple(name for name in found.others if name != own)
    layout: Layout = "flat" if truth is None else "devkit"
    return Dataset(root, layout, samples, num_classes, ignored=ignored)


def numbered(
    root: Path, found: Found, labels: Sequence[int], *, num_classes: int
) -> tuple[Sample, ...]:
    """Samples in order, each labelled by the number in its name.

    Raises:
        DatasetError: no picture, names without a number, or another class count.
    """
    if num_classes != _CLASSES:
        msg = (
            f"{str(root)!r}: the labels of ILSVRC2012 are of {_CLASSES} classes, the "
            f"net has {num_classes}. Pass a list of its own labels with --val-list."
        )
        raise DatasetError(msg)
    samples, strays = [], []
    for name, path, source in found:
        number = number_of(name)
        if number is None:
            strays.append(name)
        else:
            label = labels[number - 1]
            samples.append(Sample(official_name(number), path, label, source))
    if strays or not samples:
        msg = (
            f"{str(root)!r}: {len(strays)} pictures have no name like "
            f"{official_name(1)}, so no label is known: {some(strays)}. Pass "
            "--val-list FILE with `name index` lines, or move them away."
        )
        raise DatasetError(msg)
    return in_order(samples)


def is_ground_truth(path: Path) -> bool:
    """Whether a list holds bare numbers: its first lines do."""
    try:
        with path.open("rb") as file:
            lines = file.read(200).split(b"\n")
    except OSError:
        return False
    return lines[0].strip().isdigit() and all(
        line.strip().isdigit() for line in lines[:-1]
    )


def read_ground_truth(path: Path) -> tuple[int, ...]:
    """Class indices from the devkit's ground truth: line i is picture i's id, from 1.

    Raises:
        DatasetError: unreadable, not 50,000 ids of 1..1000, or other labels than the
            validation set has.
    """
    try:
        words = path.read_bytes().split()
    except OSError as error:
        msg = f"{str(path)!r}: the ground truth cannot be read: {error.strerror}."
        raise DatasetError(msg) from error
    ids = [int(word) for word in words if word.isdigit() and len(word) <= 4]
    if len(ids) != len(words) or len(ids) != PICTURES or not set(ids) <= _IDS:
        msg = (
            f"{str(path)!r}: expected {PICTURES:,} ids of 1..{_CLASSES}, one a line as "
            f"in the devkit's {GROUND_TRUTH}, got {len(words):,} words"
            f"{_odd(words)}. Take the devkit's file, or leave it out: the labels ship."
        )
        raise DatasetError(msg)
    labels = devkit_labels(ids)
    wrong = sum(a != b for a, b in zip(labels, val_labels(), strict=True))
    if wrong:
        msg = (
            f"{str(path)!r}: {wrong:,} of {PICTURES:,} ids are not those of ILSVRC2012 "
            f"validation{_rather(ids)}. Take the devkit's file, or leave it out: the "
            "labels ship with this package."
        )
        raise DatasetError(msg)
    return labels


_IDS = frozenset(range(1, _CLASSES + 1))


def _odd(words: Sequence[bytes]) -> str:
    odd = [w for w in words if not w.isdigit() or len(w) > 4 or int(w) not in _IDS]
    hint = ""
    if odd and set(odd) == {b"0"}:
        hint = "; ids count from 1, these seem to be class indices or ids minus one"
    return f", among them {odd[0][:20]!r}{hint}" if odd else ""


def _rather(ids: Sequence[int]) -> str:
    """What the file holds instead, if it can be told."""
    if all(a - 1 == b for a, b in zip(ids, val_labels(), strict=True)):
        return ": they are class indices plus one, not the devkit's ids"
    return ""
