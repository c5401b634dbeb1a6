"""Check JSON against a shape and report every problem at once, each with its path.

Small on purpose: exactly what weights.json needs (types, required and permitted
fields, lists, nullable values, predicates). An unknown field is an error, because a
mistyped optional field would otherwise be ignored in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A non-empty string; `one_of` closes the list."""

    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A finite int or float within bounds; `whole` for integers only."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null, or what `shape` says."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least `least` values of one shape."""

    shape: Shape
    least: int = 1


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free names and values of one shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Check:
    """A string that passes a test; `expected` says which in words."""

    passes: Callable[[str], bool]
    expected: str


Shape: TypeAlias = (
    Text | Number | Nullable | ListOf | MapOf | Check | Mapping[str, "Shape"] | None
)


def problems(value: Any, shape: Shape, path: str = "$") -> Iterator[str]:
    """Every way in which `value` (parsed JSON) is not what `shape` says.

    A shape of None permits anything. Yields lines like `$.models[3].url: expected ...`.
    """
    match shape:
        case None:
            return
        case Nullable(inner):
            if value is not None:
                yield from problems(value, inner, path)
        case ListOf(inner, least):
            yield from _list_problems(value, inner, least, path)
        case MapOf(inner):
            if not isinstance(value, dict):
                yield _expected(path, "an object", value)
            else:
                for name, item in value.items():
                    yield from problems(item, inner, f"{path}.{name}")
        case Text() | Number() | Check():
            yield from _scalar_problems(value, shape, path)
        case fields:
            yield from _object_problems(value, fields, path)


def _expected(path: str, what: str, value: Any) -> str:
    return f"{path}: expected {what}, got {str(value)[:60]!r}"


def _list_problems(value: Any, inner: Shape, least: int, path: str) -> Iterator[str]:
    if not isinstance(value, list) or len(value) < least:
        yield _expected(path, f"a list of {least} or more", value)
        return
    for index, item in enumerate(value):
        yield from problems(item, inner, f"{path}[{index}]")


def _object_problems(
    value: Any, fields: Mapping[str, Shape], path: str
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _expected(path, "an object", value)
        return
    for name in sorted(fields.keys() - value.keys()):
        yield f"{path}.{name}: missing"
    for name in sorted(value.keys() - fields.keys()):
        yield f"{path}.{name}: not a known field (known: {', '.join(sorted(fields))})"
    for name in sorted(fields.keys() & value.keys()):
        yield from problems(value[name], fields[name], f"{path}.{name}")


def _scalar_problems(
    value: Any, shape: Text | Number | Check, path: str
) -> Iterator[str]:
    match shape:
        case Text(one_of):
            if not isinstance(value, str) or not value:
                yield _expected(path, "a non-empty string", value)
            elif one_of and value not in one_of:
                yield _expected(path, f"one of {', '.join(one_of)}", value)
        case Check(passes, expected):
            if not isinstance(value, str) or not passes(value):
                yield _expected(path, expected, value)
        case Number(low, high, whole):
            kinds = int if whole else (int, float)
            good = isinstance(value, kinds) and not isinstance(value, bool)
            if not good or not low <= value <= high:
                kind = "an integer" if whole else "a number"
                yield _expected(path, f"{kind} from {low} to {high}", value)
