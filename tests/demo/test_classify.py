"""The demo's photographs have an author and a licence, and are what they look like."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from demo.classify import FOLDER, NAMES, Guess, class_names, classify
from ppim_port.imagenet import wnids
from ppim_port.state_dict import FrameworkName
from tests.support.lite import weights_path

README = Path(__file__).parents[2] / "README.md"
PICTURES = sorted(FOLDER.glob("*.jpg"))
EXPECTED = ["tripod", "tiger cat", "espresso", "palace", "missile"]
FREE = {"CC0 1.0", "CC BY 2.0, creativecommons.org/licenses/by/2.0", "public domain"}
# Largest difference of a probability: 5e-7 measured (torch 2.13.0, paddle 3.3.1).
SLACK = 1e-4


@cache
def guesses(framework: FrameworkName) -> list[list[Guess]]:
    weights = weights_path("0")
    return classify("efficientnet_lite0", weights, framework, PICTURES)


def test_every_photograph_has_an_author_and_a_free_licence() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \|(.*)\|$", (FOLDER / "README.md").read_text(), re.M
    )
    assert [name for name, _ in rows] == [path.name for path in PICTURES]
    for _, cells in rows:
        _, author, licence, source, changed = (c.strip() for c in cells.split("|"))
        assert author
        assert licence in FREE
        assert source
        assert changed


def test_the_notice_names_every_author() -> None:
    notice = README.with_name("NOTICE").read_text()
    table = (FOLDER / "README.md").read_text()
    authors = re.findall(r"^\| `.*?` \|.*?\| (.*?) \|", table, re.M)
    assert len(authors) == 5
    assert [author for author in authors if author not in notice] == []


def test_there_is_a_name_for_each_class_in_its_order() -> None:
    lines = NAMES.read_text("utf-8").splitlines()
    assert [line.split()[0] for line in lines] == list(wnids())
    names = class_names()
    assert (names[0], names[340], names[999]) == ("tench", "zebra", "toilet tissue")


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_photographs_are_recognised(framework: FrameworkName) -> None:
    assert [row[0].name for row in guesses(framework)] == EXPECTED


def test_both_frameworks_are_equally_sure() -> None:
    for mine, theirs in zip(guesses("torch"), guesses("paddle"), strict=True):
        for guess, other in zip(mine, theirs, strict=True):
            assert guess.index == other.index
            assert guess.probability == pytest.approx(other.probability, abs=SLACK)


def test_the_readme_shows_what_the_demo_prints() -> None:
    text = README.read_text()
    for path, (best, *_) in zip(PICTURES, guesses("torch"), strict=True):
        shown = re.search(rf"^ *{re.escape(path.name)} +(.+?)  +([\d.]+)%", text, re.M)
        assert shown is not None, path.name
        assert shown[1] == best.name
        assert float(shown[2]) / 100 == pytest.approx(best.probability, abs=SLACK)
