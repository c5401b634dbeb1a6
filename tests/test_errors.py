"""The tree of errors is the one that is drawn, and each earns its exit code."""

from __future__ import annotations

import re

import pytest

from ppim_port import errors
from ppim_port.errors import PpimError, UnknownNameError


def tree(root: type[PpimError]) -> dict[str, str]:
    """Class name -> name of its first base, for everything below a class."""
    found = {}
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            found[child.__name__] = root.__name__
            found |= tree(child)
    return found


def drawn() -> dict[str, str]:
    """The same, read off the drawing in the module's docstring."""
    parents, found = ["PpimError"], {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^    ([│ ]*)[├└]── (\w+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            found[match[2]] = parents[depth - 1]
            parents[depth:] = [match[2]]
    return found


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert drawn() == tree(PpimError)


@pytest.mark.parametrize(
    ("parent", "code"), [("UsageError", 2), ("InputError", 3), ("VerificationError", 1)]
)
def test_a_branch_shares_its_exit_code(parent: str, code: int) -> None:
    top = getattr(errors, parent)
    branch = [top.__name__, *tree(top)]
    assert {getattr(errors, name).exit_code for name in branch} == {code}
    assert f"{parent} ({code})" in (errors.__doc__ or "")


def test_an_unknown_name_is_told_the_nearest_and_all_known() -> None:
    error = UnknownNameError("rednet5", ["rednet50", "rednet26", "x"], kind="model")
    assert str(error) == (
        "Unknown model 'rednet5'. Did you mean rednet50 or rednet26? "
        "Known: rednet26, rednet50, x."
    )


def test_nothing_near_is_not_guessed() -> None:
    error = UnknownNameError("vgg", ["rednet26"], kind="model")
    assert str(error) == "Unknown model 'vgg'. Known: rednet26."
