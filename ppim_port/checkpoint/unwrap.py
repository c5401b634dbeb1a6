"""Finding the tensors inside what a file holds, and naming what is left behind.

Descends only levels with names that mean "the weights are in here", and only when one
way leads to tensors: a guess between `model` and `model_ema` would be a silent one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.complaints import refused, unreadable
from ppim_port.checkpoint.pickle_records import NdArray, Stored, Tensor
from ppim_port.checkpoint.records import SLICE_TABLE
from ppim_port.errors import CheckpointError

LEVELS = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "network",
    "params",
    "weights",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "params_ema",
)
_MAX_LEVELS = 4
_MAX_SHOWN = 20
_MAX_SHOWN_TEXT = 60


@dataclass(frozen=True, slots=True)
class Selected:
    """The weights as they lie in the file.

    Attributes:
        container: Levels descended to reach them.
        tensors: Key to record, in the file's order.
        left_behind: Names of what else was passed on the way.
        slices: Paddle's table of tensors cut in pieces, None without one.
    """

    container: tuple[str, ...]
    tensors: dict[str, Stored]
    left_behind: tuple[str, ...]
    slices: object


def select(tree: object, where: str, container: Sequence[str] | None) -> Selected:
    """Find the weights in what a pickle held.

    Args:
        tree: The unpickled records.
        where: The file, for messages.
        container: The levels to descend; None finds them.

    Raises:
        CheckpointError: There are none, or more than one choice.
    """
    if container is None:
        paths = _ways(tree, (), set())
        if len(paths) != 1:
            raise _no_single_way(tree, where, paths)
        container = paths[0]
    levels = _descend(tree, where, container)
    tensors = _tensors(levels[-1], where)
    left = _left_behind(levels, tuple(container), tensors)
    return Selected(tuple(container), tensors, left, levels[-1].get(SLICE_TABLE))


def shown(names: Iterable[object]) -> str:
    """Names of a file's parts as short, plain, bounded text."""
    texts = list(names)
    parts = [_plain(name) for name in texts[:_MAX_SHOWN]]
    more = len(texts) - len(parts)
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _plain(name: object) -> str:
    text = name if type(name) is str else f"<{type(name).__name__}>"
    plain = ascii(text[:_MAX_SHOWN_TEXT])[1:-1]
    return plain + ("..." if len(text) > _MAX_SHOWN_TEXT else "")


def _is_tensor(value: object) -> bool:
    return type(value) in (Tensor, NdArray) or _paddle_pair(value) is not None


def _paddle_pair(value: object) -> NdArray | None:
    """The array in Paddle's (name, array) pair, its way of saving a lone tensor."""
    if type(value) is tuple and len(value) == 2:
        name, array = value
        if type(name) is str and type(array) is NdArray:
            return array
    return None


def _ways(
    level: object, path: tuple[str, ...], seen: set[int]
) -> list[tuple[str, ...]]:
    """Every way along known names to a level that holds tensors.

    A level is visited once: a file may hold itself, or one dict under two names.
    """
    if type(level) is not dict or id(level) in seen:
        return []
    seen.add(id(level))
    own = [path] if any(_is_tensor(value) for value in level.values()) else []
    if len(path) >= _MAX_LEVELS:
        return own
    below = [
        _ways(level[name], (*path, name), seen) for name in LEVELS if name in level
    ]
    return own + [way for ways in below for way in ways]


def _no_single_way(
    tree: object, where: str, paths: list[tuple[str, ...]]
) -> CheckpointError:
    if paths:
        choices = " or ".join(str(path) for path in paths)
        return CheckpointError(
            f"{where} holds more than one set of weights; choose one with "
            f"container={choices}. Nothing was read."
        )
    holds = shown(tree) if type(tree) is dict else f"<{type(tree).__name__}>"
    return CheckpointError(
        f"{where}: no weights found: expected a dictionary of tensors, alone or under "
        f"one of {', '.join(LEVELS[:4])}, ...; it holds {holds or 'nothing'}. If they "
        f"lie deeper, name the levels with container=(...)."
    )


def _descend(
    tree: object, where: str, container: Sequence[str]
) -> list[dict[Any, Any]]:
    levels: list[dict[Any, Any]] = []
    for name in (None, *container):
        tree = tree if name is None else levels[-1].get(name)
        if type(tree) is not dict:
            unreadable(f"{where} has no level {tuple(container)} that holds tensors")
        levels.append(tree)
    return levels


def _tensors(level: dict[Any, Any], where: str) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for key, value in level.items():
        if _is_tensor(value):
            found[_checked_key(key, where)] = _paddle_pair(value) or value
    if not found:
        unreadable(f"{where}: that level holds no tensors")
    if len(found) > limits.MAX_TENSORS:
        refused(f"{where}: {len(found)} tensors; at most {limits.MAX_TENSORS} are read")
    return found


def _checked_key(key: object, where: str) -> str:
    if type(key) is not str or not key or not key.isprintable():
        unreadable(
            f"{where}: a tensor under the key {_plain(key)}, which is not proper text"
        )
    return key


def _left_behind(
    levels: list[dict[Any, Any]],
    container: tuple[str, ...],
    tensors: dict[str, Stored],
) -> tuple[str, ...]:
    names: list[object] = []
    for level, taken in zip(levels, (*container, None), strict=True):
        last = taken is None
        names += [k for k in level if k != taken and not (last and k in tensors)]
    parts = tuple(_plain(name) for name in names[:_MAX_SHOWN])
    more = len(names) - len(parts)
    return (*parts, f"and {more} more") if more > 0 else parts
