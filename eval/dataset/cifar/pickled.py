"""The Python form: a pickle of arrays and lists, read by our own machine.

Nothing in the file is imported or called: a name outside of the closed table of
`ppim_port.checkpoint` is refused. The originals are of protocol 2, written by Python 2
and an old numpy, so their texts are byte strings; copies that were saved again from
Python 3 have text or bytes for keys, and all of them are read. Refused: training
pictures where the test's are wanted, or the other way; coarse labels in place of the
fine ones, and tables that do not fit together.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any, NoReturn

import numpy as np

from eval.cifar_sets import PIXELS, SOURCE, CifarSet
from eval.dataset.cifar.picture import Pixels
from eval.dataset.cifar.table import Table
from ppim_port.checkpoint import limits
from ppim_port.checkpoint.arrays import Budget, array_of
from ppim_port.checkpoint.pickle_machine import Machine
from ppim_port.checkpoint.pickle_opcodes import OPCODES, Handler
from ppim_port.checkpoint.pickle_reader import load_whole
from ppim_port.checkpoint.pickle_records import NdArray
from ppim_port.errors import CheckpointError, DatasetError


def read_pickled(
    view: memoryview, where: str, known: CifarSet, *, training: bool = False
) -> Table:
    """The pictures and labels of a batch.

    Args:
        view: the file's bytes.
        where: the file, for messages.
        known: the set that it should be of.
        training: whether training pictures are wanted, and the test pictures refused.

    Raises:
        DatasetError: damaged, hostile, or another file than the test pictures.
    """
    tree = _tree(view, where)
    _refuse_other_part(tree, where, training=training)
    labels = _labels(tree, where, known)
    pixels = _pixels(tree, where, len(view))
    if len(pixels) != len(labels):
        _damaged(where, f"{len(pixels):,} pictures, {len(labels):,} labels")
    return Table(pixels, labels)


def read_names(view: memoryview, where: str, known: CifarSet) -> tuple[str, ...]:
    """The class names of a meta file.

    Raises:
        DatasetError: damaged, hostile, or without them.
    """
    names = _tree(view, where).get(known.names_key)
    if type(names) is not list or not all(type(name) is str for name in names):
        _damaged(where, f"no list of names under {known.names_key!r}")
    return tuple(names)


def _tree(view: memoryview, where: str) -> Mapping[Any, Any]:
    try:
        tree = load_whole(view, where=where, opcodes=_TEXTS_ARE_BYTES)
    except CheckpointError as error:
        msg = f"{error} Nothing was evaluated. Take the original of {SOURCE}."
        raise DatasetError(msg) from error
    if type(tree) is not dict:
        _damaged(where, "no dictionary")
    return tree


def _refuse_other_part(tree: Mapping[Any, Any], where: str, *, training: bool) -> None:
    label = tree.get("batch_label")
    if training and type(label) is str and label.startswith("testing"):
        msg = (
            f"{where!r}: it calls itself {label[:40]!r}. A net that has seen the test "
            "pictures cannot be scored. Name the training pictures."
        )
        raise DatasetError(msg)
    if not training and type(label) is str and label.startswith("training"):
        msg = (
            f"{where!r}: it calls itself {label[:40]!r}. Accuracy over pictures that a "
            "net was trained on says nothing. Name the test pictures."
        )
        raise DatasetError(msg)


def _labels(tree: Mapping[Any, Any], where: str, known: CifarSet) -> list[int]:
    labels = tree.get(known.key)
    if labels is None:
        others = sorted(key for key in tree if type(key) is str and "label" in key)
        msg = (
            f"{where!r}: no {known.key!r}, which {known.title} has; there are "
            f"{', '.join(map(repr, others[:5])) or 'none'}. Name the set that it is of "
            "with --dataset, or take the original."
        )
        raise DatasetError(msg)
    if type(labels) is not list or not all(type(label) is int for label in labels):
        _damaged(where, f"{known.key!r} is no list of whole numbers")
    return labels


def _pixels(tree: Mapping[Any, Any], where: str, size: int) -> Pixels:
    record = tree.get("data")
    if type(record) is not NdArray:
        _damaged(where, "no array under 'data'")
    try:
        budget = Budget(where, limits.byte_budget(size))
        pixels = array_of(where, "data", record, budget)
    except CheckpointError as error:
        msg = f"{error} Nothing was evaluated. Take the original of {SOURCE}."
        raise DatasetError(msg) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        _damaged(where, f"'data' is {pixels.dtype} {list(pixels.shape)}")
    return pixels


def _damaged(where: str, what: str) -> NoReturn:
    msg = (
        f"{where!r}: {what}. Expected a dictionary with 'data', uint8 [n, {PIXELS}], "
        f"and a label for each row. Nothing was evaluated. Take the original of "
        f"{SOURCE}."
    )
    raise DatasetError(msg)


def _text(value: Any) -> Any:
    """Short ASCII bytes as text: keys and names; an array's bytes as they are."""
    if type(value) is not memoryview or len(value) > limits.MAX_SHORT_TEXT:
        return value
    data = bytes(value)
    return data.decode("ascii") if data.isascii() else value


def _bytes(size: Struct) -> Handler:
    return lambda m: m.push(_text(m.take(m.number(size))))


def _reduce(m: Machine) -> None:
    # Protocol 2 of Python 3 spells bytes as a call that encodes text.
    OPCODES[ord("R")](m)
    m.push(_text(m.pop()))


_TEXTS_ARE_BYTES: Mapping[int, Handler] = {
    **OPCODES,
    ord("B"): _bytes(Struct("<I")),
    ord("C"): _bytes(Struct("<B")),
    0x8E: _bytes(Struct("<Q")),
    ord("R"): _reduce,
}
