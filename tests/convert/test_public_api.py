"""`from convert import ...` does all that the commands do."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import convert
from convert import cli
from convert.commands import COMMANDS
from ppim_port.commands import load_command

# Word of the program -> what does it in Python.
FUNCTIONS = {
    "diff": ["diff"],
    "explain": ["explain"],
    "export": ["export"],
    "inspect": ["inspect"],
    "verify": ["verify_file", "self_test"],
    "cache": ["cache_entries", "verify_cache", "clear_cache"],
}
# Options that are about the terminal alone, or that are functions of their own.
TERMINAL = {"help", "json", "quiet", "version"}
ELSEWHERE = {"list": "load_manifest", "plan": "plan", "self_test": "self_test"}
RENAMED = {"file": "path", "source": "sources", "tested": "model"}


def names_of(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {action.dest for action in parser._actions} - TERMINAL


def test_every_public_name_is_there_and_lazy_about_it() -> None:
    for name in convert.__all__:
        assert getattr(convert, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = convert.nothing


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_is_a_function_with_its_options(word: str) -> None:
    functions = [getattr(convert, name) for name in FUNCTIONS[word]]
    taken = set().union(*(names_of(function) for function in functions))
    options = options_of(load_command(COMMANDS, word).parser())
    if word == "cache":
        assert options == {"action"}
        return
    for option in options - ELSEWHERE.keys():
        assert RENAMED.get(option, option) in taken, option


def test_every_option_of_a_conversion_is_a_field_of_its_request() -> None:
    fields = names_of(convert.Request) | names_of(convert.PairRequest)
    for option in options_of(cli.parser()):
        if option in ELSEWHERE:
            assert ELSEWHERE[option] in convert.__all__
        else:
            assert {"origin": "source"}.get(option, option) in fields, option


@pytest.mark.usefixtures("cache")
def test_the_cache_is_kept_house_of_from_python() -> None:
    assert convert.cache_entries() == []
    assert convert.verify_cache() == []
    assert convert.clear_cache() == 0
