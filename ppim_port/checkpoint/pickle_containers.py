"""Filling lists, dicts and sets without hashing anything that a file can make deep.

Refused: keys other than short text, numbers and flat tuples of them, because hashing
or comparing a deep key recurses, and a key given twice, because readers then differ
in what they see.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

from ppim_port.checkpoint.pickle_machine import Machine

_FLAT = frozenset({str, int, float, bool, NoneType})
_MAX_KEY_PARTS = 16


def set_items(m: Machine, target: object, flat: list[Any]) -> None:
    """Put `flat` = [key, value, key, value, ...] into the dict `target`."""
    if type(target) is not dict:
        m.refuse(f"it sets items of a {type(target).__name__}")
    if len(flat) % 2:
        m.fail("a key without a value")
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        check_key(m, key)
        if key in target:
            m.fail("a dictionary holds the same key twice")
        target[key] = value


def extend(m: Machine, target: object, items: list[Any]) -> None:
    """Append `items` to the list `target`."""
    if type(target) is not list:
        m.refuse(f"it appends to a {type(target).__name__}")
    target.extend(items)


def add_items(m: Machine, target: object, items: list[Any]) -> None:
    """Add `items` to the set `target`."""
    if type(target) is not set:
        m.refuse(f"it adds items to a {type(target).__name__}")
    target.update(checked(m, items))


def checked(m: Machine, items: list[Any]) -> list[Any]:
    """The items, once all are fit to be hashed."""
    for item in items:
        check_key(m, item)
    return items


def check_key(m: Machine, key: object) -> None:
    """Refuse a key that is not short text, a number, or a flat tuple of them."""
    if type(key) is str:
        return
    parts = key if type(key) is tuple else (key,)
    if len(parts) > _MAX_KEY_PARTS or not all(_is_flat(part) for part in parts):
        m.refuse(
            "a key that is neither short text nor a number nor a short tuple of them"
        )


def _is_flat(part: object) -> bool:
    if type(part) is int:
        # Larger integers can be made to collide in a dict without end.
        return -(1 << 63) <= part < 1 << 64
    return type(part) in _FLAT
