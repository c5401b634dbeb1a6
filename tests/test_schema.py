"""Every shape says yes and no, and every problem is told at once with its path."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from ppim_port.schema import (
    Check,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Shape,
    Text,
    problems,
)

UPPER = Check(str.isupper, "upper case")


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("a", Text()),
        ("b", Text(("a", "b"))),
        (0, Number(0, 5)),
        (5.0, Number(0, 5)),
        (3, Number(0, 5, whole=True)),
        (None, Nullable(Text())),
        ("a", Nullable(Text())),
        (["a"], ListOf(Text())),
        ([], ListOf(Text(), least=0)),
        ({}, MapOf(Text())),
        ({"any": "a"}, MapOf(Text())),
        ("ABC", UPPER),
        ({"a": 1, "b": "x"}, {"b": Text(), "a": Number(0, 5)}),
        ({"anything": [object]}, None),
    ],
)
def test_a_value_of_its_shape_has_no_problems(value: Any, shape: Shape) -> None:
    assert list(problems(value, shape)) == []


@pytest.mark.parametrize(
    ("value", "shape", "problem"),
    [
        ("", Text(), "$: expected a non-empty string, got ''"),
        (7, Text(), "$: expected a non-empty string, got '7'"),
        (None, Text(), "$: expected a non-empty string, got 'None'"),
        ("c", Text(("a", "b")), "$: expected one of a, b, got 'c'"),
        (-1, Number(0, 5), "$: expected a number from 0 to 5, got '-1'"),
        (5.01, Number(0, 5), "$: expected a number from 0 to 5, got '5.01'"),
        ("3", Number(0, 5), "$: expected a number from 0 to 5, got '3'"),
        (True, Number(0, 5), "$: expected a number from 0 to 5, got 'True'"),
        (float("nan"), Number(0, 5), "$: expected a number from 0 to 5, got 'nan'"),
        (float("inf"), Number(0, 5), "$: expected a number from 0 to 5, got 'inf'"),
        (3.0, Number(0, 5, True), "$: expected an integer from 0 to 5, got '3.0'"),
        (False, Number(0, 5, True), "$: expected an integer from 0 to 5, got 'False'"),
        ("", Nullable(Text()), "$: expected a non-empty string, got ''"),
        ([], ListOf(Text()), "$: expected a list of 1 or more, got '[]'"),
        ("ab", ListOf(Text()), "$: expected a list of 1 or more, got 'ab'"),
        (["a", 1], ListOf(Text()), "$[1]: expected a non-empty string, got '1'"),
        ([], MapOf(Text()), "$: expected an object, got '[]'"),
        ({"k": 1}, MapOf(Text()), "$.k: expected a non-empty string, got '1'"),
        ("abc", UPPER, "$: expected upper case, got 'abc'"),
        (1, UPPER, "$: expected upper case, got '1'"),
        ("a", {"a": Text()}, "$: expected an object, got 'a'"),
        ({}, {"a": Text()}, "$.a: missing"),
    ],
)
def test_a_value_of_another_shape_is_told_with_its_path(
    value: Any, shape: Shape, problem: str
) -> None:
    assert list(problems(value, shape)) == [problem]


def test_an_unknown_field_is_refused_and_the_known_ones_are_named() -> None:
    shape: Shape = {"b": Nullable(Text()), "a": Text()}
    assert list(problems({"a": "x", "b": None, "B": None}, shape)) == [
        "$.B: not a known field (known: a, b)"
    ]


def test_all_problems_are_told_at_once() -> None:
    shape: Shape = {"list": ListOf({"url": UPPER, "n": Number(0, 1)}), "gone": Text()}
    value = {"list": [{"url": "A", "n": 2}, {"url": "b"}, 3], "new": 1}
    assert list(problems(value, shape)) == [
        "$.gone: missing",
        "$.new: not a known field (known: gone, list)",
        "$.list[0].n: expected a number from 0 to 1, got '2'",
        "$.list[1].n: missing",
        "$.list[1].url: expected upper case, got 'b'",
        "$.list[2]: expected an object, got '3'",
    ]


def test_a_long_value_is_cut_in_the_message() -> None:
    (problem,) = problems("x" * 1000, UPPER)
    assert len(problem) < 100


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_problems_come_in_the_same_order_in_every_process(seed: str) -> None:
    code = (
        "from ppim_port.schema import Text, problems\n"
        "names = 'abcdefgh'\n"
        "print(*problems(dict.fromkeys(names, 0), dict.fromkeys(names, Text())))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [word for word in run.stdout.split() if word.startswith("$")]
    assert paths == [f"$.{name}:" for name in "abcdefgh"]
