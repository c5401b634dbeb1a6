"""The table of threats is no wish list: each of its tests and errors exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from ppim_port import errors

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "conversion.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
ROWS = [line for line in PAGE.splitlines() if "::test_" in line and line[0] == "|"]


@cache
def named_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(n.name for n in tree.body if isinstance(n, ast.FunctionDef))


def test_there_is_a_table() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    assert name in named_in(ROOT / "tests" / file)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_row_says_what_is_refused_with_what_and_by_which_test(row: str) -> None:
    what, error, test = (cell.strip() for cell in row.strip("|").split("|"))
    assert what
    match = NAMED.fullmatch(test)
    assert match is not None
    source = (ROOT / "tests" / match[1]).read_text("utf-8")
    for word in re.findall(r"\w+Error", error):
        assert issubclass(getattr(errors, word), errors.PpimError)
        assert word in source, f"{match[1]} never expects {word}"


def test_every_hostile_test_of_the_readers_has_its_row() -> None:
    """A new kind of attack is not done before the docs tell of it."""
    untold = {
        # The same threat again, in another carrier or to show that the first can fail.
        "test_the_canary_sings_when_python_unpickles",
        "test_most_attacks_are_pickles_that_python_would_run",
        "test_depth_without_weights_is_an_ordinary_error",
        "test_bytes_behind_the_inner_pickle_are_noticed",
        "test_legacy_storages_that_do_not_fit_are_corrupt",
        "test_a_legacy_header_is_checked",
        "test_a_storage_that_lies_is_corrupt",
        "test_one_byte_string_for_many_arrays_is_counted",
        "test_an_array_of_absurd_size_is_refused",
        "test_boolean_bytes_other_than_0_and_1_are_corrupt",
        "test_two_directories_that_disagree_are_corrupt",
        "test_what_we_do_not_read_is_named",
        "test_absurd_shapes_are_refused",
        "test_a_header_longer_than_the_file_is_corrupt",
        # Sound files that must be read, what is written, and an absent package.
        "test_what_is_written_is_read_back_and_is_the_same_bytes",
        "test_bfloat16_is_widened_exactly",
        "test_what_a_keras_file_cannot_hold_is_refused",
        "test_without_h5py_the_package_is_named",
        "test_the_honest_files_are_read",
        "test_archives_from_before_the_byteorder_member_are_read",
        "test_an_uncompressed_repack_is_read",
        "test_a_view_of_everything_costs_nothing",
    }
    told = {name for _, name in NAMED.findall(PAGE)}
    for path in (ROOT / "tests" / "checkpoint").glob("test_hostile_*.py"):
        tests = {name for name in named_in(path) if name.startswith("test_")}
        assert tests <= told | untold, path.name
