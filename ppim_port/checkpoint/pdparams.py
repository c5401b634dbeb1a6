"""The .pdparams layout: one pickle of numpy arrays, which paddle.load would execute.

Tensors that protocols 2 and 3 had to cut in slices are joined again.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ppim_port.checkpoint.arrays import Budget, named, plain_window
from ppim_port.checkpoint.complaints import damaged
from ppim_port.checkpoint.pickle_reader import load_whole
from ppim_port.checkpoint.raw import Raw
from ppim_port.state_dict import Array, StateDict


def read_pdparams(view: memoryview, where: str) -> Raw:
    """Parse the pickle.

    Raises:
        CorruptCheckpointError: It is damaged.
        UnsafeCheckpointError: It asks for code.
    """
    return Raw(load_whole(view, where=where))


def join_slices(
    state: StateDict, table: object, where: str, budget: Budget
) -> StateDict:
    """Put sliced tensors together, each at the place of its first slice.

    Args:
        state: Arrays, slices among them.
        table: Paddle's {key: {"OriginShape": ..., "slices": [...]}}, or None.
        where: The file, for messages.
        budget: Bytes that the joined copies may occupy.

    Raises:
        CorruptCheckpointError: The table does not fit the slices.
    """
    if table is None:
        return state
    joins = _checked_table(table, state, where)
    first_of = {slices[0]: key for key, (slices, _) in joins.items()}
    gone = {name for slices, _ in joins.values() for name in slices}
    joined: StateDict = {}
    for name, value in state.items():
        if (key := first_of.get(name)) is not None:
            slices, shape = joins[key]
            joined[key] = _join(
                named(where, key), [state[s] for s in slices], shape, key, budget
            )
        elif name not in gone:
            joined[name] = value
    return joined


def _checked_table(
    table: object, state: StateDict, where: str
) -> dict[str, tuple[list[str], object]]:
    if type(table) is not dict:
        damaged(f"{where}: a broken table of sliced tensors")
    joins: dict[str, tuple[list[str], object]] = {}
    used: set[str] = set()
    for key, entry in table.items():
        slices = _slices(entry)
        new = type(key) is str and key not in state
        if not (new and slices and all(s in state for s in slices)):
            damaged(f"{where}: a broken table of sliced tensors")
        if used & set(slices) or len(set(slices)) != len(slices):
            damaged(f"{where}: a slice that is used twice")
        used |= set(slices)
        joins[key] = (slices, entry["OriginShape"])
    return joins


def _slices(entry: Any) -> list[str]:
    if type(entry) is not dict or "OriginShape" not in entry:
        return []
    slices = entry.get("slices")
    if type(slices) is not list or not all(type(s) is str for s in slices):
        return []
    return slices


def _join(
    name: str, pieces: list[Array], shape: object, key: str, budget: Budget
) -> Array:
    sizes = plain_window(name, "u1", shape).shape
    total = sum(piece.size for piece in pieces)
    if prod(sizes) != total or len({piece.dtype for piece in pieces}) != 1:
        damaged(f"{name}: its slices hold {total} elements, its shape {prod(sizes)}")
    budget.spend(total * pieces[0].itemsize, key)
    joined = np.concatenate([piece.reshape(-1) for piece in pieces]).reshape(sizes)
    joined.flags.writeable = False
    return joined
