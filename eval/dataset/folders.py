"""One folder a class: the label is the index of the folder's name among the classes.

Never its position among the folders that happen to be there, so a part of the classes
gets the same labels as all of them. Refused: folder names that are no class (numbers
too: sorted as text, 10 comes before 2), class folders without a picture, and anything
in them that is not one, because it may be a picture that the suffix hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.dataset.listing import Entries, entries, some
from eval.dataset.naming import in_order
from eval.dataset.truth import mistake
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError
from ppim_port.validation_set import number_of, official_name


def from_folders(
    root: Path, found: Entries, *, class_wnids: Sequence[str], num_classes: int
) -> Dataset:
    """Collect the samples of a folder of class folders.

    Raises:
        DatasetError: see the module's text; all offenders of a kind are counted.
    """
    if len(class_wnids) != num_classes:
        hint = ""
        if num_classes == len(class_wnids) + 1:
            hint = " A net of one class more often has the background first."
        count = len(class_wnids)
        msg = f"{count} class names were given for {num_classes} classes.{hint}"
        raise DatasetError(msg)
    _refuse_unlabelled(root, found)
    index = {wnid: label for label, wnid in enumerate(class_wnids)}
    _refuse_unknown(root, found.folders, index)
    inside = {wnid: entries(root / wnid) for wnid in found.folders}
    _refuse_empty(root, [wnid for wnid in inside if not inside[wnid].pictures])
    _refuse_strays(root, inside)
    samples = in_order(
        Sample(_id(wnid, name), root / wnid / name, index[wnid])
        for wnid, listed in inside.items()
        for name in listed.pictures
    )
    return Dataset(root, "folders", samples, num_classes, ignored=found.others)


def _id(folder: str, name: str) -> str:
    """The official name of a validation picture; others need their folder's."""
    number = number_of(name)
    return f"{folder}/{name}" if number is None else official_name(number)


def _refuse_unlabelled(root: Path, found: Entries) -> None:
    if found.pictures:
        msg = (
            f"{str(root)!r}: {len(found.pictures)} pictures lie outside class folders "
            f"and have no label: {some(found.pictures)}. Pass --val-list FILE with "
            f"`name index` lines, or sort them into wnid folders."
        )
        raise DatasetError(msg)
    if not found.folders:
        msg = (
            f"{str(root)!r}: no class folder and no picture, only "
            f"{some(found.others)}. Expected wnid folders, or pictures and --val-list."
        )
        raise DatasetError(msg)


def _refuse_unknown(
    root: Path, folders: tuple[str, ...], index: dict[str, int]
) -> None:
    unknown = [name for name in folders if name not in index]
    if not unknown:
        return
    example = next(iter(index))
    hint = ""
    if set(unknown) & {"val", "train", "validation"}:
        hint = f"The pictures may be one level down: try {str(root / unknown[0])!r}. "
    elif all(name.isdecimal() for name in unknown):
        hint = "Numbers are not accepted: sorted as text they give other labels. "
        hint += _numbers(root, unknown)
    msg = (
        f"{str(root)!r}: {len(unknown)} of {len(folders)} folders are no known class: "
        f"{some(unknown)}. Expected names among {len(index)} classes, such as "
        f"{example!r}. {hint}Rename them, move them away, or pass --val-list."
    )
    raise DatasetError(msg)


def _numbers(root: Path, folders: list[str]) -> str:
    """What numeric folders are numbered by, if validation pictures show it."""
    labels = {
        name: int(folder[:9])
        for folder in folders
        for name in entries(root / folder).pictures
        if number_of(name) is not None
    }
    if not labels:
        return ""
    found = mistake(labels)
    if found is None:
        return "Here they are the class indices. "
    return f"Here they are not the class indices either: {found} "


def _refuse_empty(root: Path, empty: list[str]) -> None:
    if empty:
        msg = (
            f"{str(root)!r}: {len(empty)} class folders hold no picture: "
            f"{some(empty)}. Extract the pictures again, or remove the folders."
        )
        raise DatasetError(msg)


def _refuse_strays(root: Path, inside: dict[str, Entries]) -> None:
    strays = [
        f"{wnid}/{name}"
        for wnid, listed in inside.items()
        for name in listed.folders + listed.others
    ]
    if strays:
        msg = (
            f"{str(root)!r}: {len(strays)} entries of the class folders are no picture "
            f"files: {some(strays)}. Nothing is skipped silently: move them away, or "
            f"give pictures a suffix such as .JPEG."
        )
        raise DatasetError(msg)
