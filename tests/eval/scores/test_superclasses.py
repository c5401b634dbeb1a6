"""Every class has one superclass, the right one, and confusions are counted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.scores.columns import columns
from eval.scores.superclasses import (
    SUPERCLASSES,
    class_superclasses,
    superclass_confusion,
)
from tests.eval.scores.made import row
from tests.support.shared import SHARED

NAMES = tuple(SUPERCLASSES)
WORDS = SHARED / "labels" / "synset_words.txt"


def of(index: int) -> str:
    return NAMES[class_superclasses()[index]]


def test_every_class_is_in_exactly_one_range() -> None:
    inside = [
        index
        for ranges in SUPERCLASSES.values()
        for first, last in ranges
        for index in range(first, last + 1)
    ]
    assert sorted(inside) == list(range(1000))


@pytest.mark.skipif(not WORDS.is_file(), reason=f"no {WORDS}")
@pytest.mark.parametrize(
    ("superclass", "words"),
    [
        ("fish", ("tench", "stingray", "eel", "puffer, ")),
        ("bird", ("cock", "great grey owl", "black swan", "albatross", "ptarmigan")),
        ("amphibian", ("European fire salamander", "tailed frog")),
        ("reptile", ("loggerhead", "triceratops", "sidewinder")),
        ("invertebrate", ("trilobite", "centipede", "jellyfish", "isopod", "starfish")),
        ("insect", ("tiger beetle", "lycaenid")),
        ("marsupial or monotreme", ("echidna", "wombat")),
        ("sea mammal", ("grey whale", "sea lion")),
        ("dog", ("Chihuahua", "Mexican hairless")),
        ("wild dog", ("timber wolf", "African hunting dog", "red fox", "grey fox")),
        ("cat", ("tabby", "cheetah")),
        ("bear", ("brown bear", "sloth bear")),
        ("rabbit or rodent", ("wood rabbit", "guinea pig")),
        ("ungulate", ("sorrel", "llama")),
        ("primate", ("orangutan", "indri")),
        ("other mammal", ("tusker", "hyena", "meerkat", "skunk", "giant panda")),
        ("artifact", ("abacus", "yurt", "iPod")),
        ("communication", ("web site", "book jacket")),
        ("food", ("menu", "plate", "hay", "eggnog", "mushroom")),
        ("natural object", ("alp", "volcano")),
        ("person", ("ballplayer", "scuba diver")),
        ("plant", ("rapeseed", "ear, ", "bolete")),
        ("substance", ("toilet tissue",)),
    ],
)
def test_the_ends_of_each_range_are_of_that_kind(
    superclass: str, words: tuple[str, ...]
) -> None:
    lines = WORDS.read_text().splitlines()
    for word in words:
        found = [i for i, line in enumerate(lines) if line[10:].startswith(word)]
        assert superclass in {of(index) for index in found}, word


@pytest.mark.skipif(not WORDS.is_file(), reason=f"no {WORDS}")
@pytest.mark.parametrize(
    ("ending", "superclass"),
    [
        (" terrier", "dog"),
        (" spaniel", "dog"),
        (" monkey", "primate"),
        (" snake", "reptile"),
        (" crab", "invertebrate"),
        (" butterfly", "insect"),
        (" squash", "food"),
        (" beetle", "insect"),
    ],
)
def test_kinds_named_by_a_word_have_one_superclass(
    ending: str, superclass: str
) -> None:
    lines = WORDS.read_text().splitlines()
    firsts = [line[10:].split(", ")[0] for line in lines]
    found = {of(i) for i, word in enumerate(firsts) if word.endswith(ending)}
    assert found == {superclass}


indices = st.integers(0, 999)


@given(st.lists(st.tuples(indices, indices), min_size=1, max_size=30))
def test_the_matrix_is_that_of_a_counter(pairs: list[tuple[int, int]]) -> None:
    table = columns(row(str(i), *pair) for i, pair in enumerate(pairs))
    found = superclass_confusion(table)
    assert found is not None
    expected = Counter((of(label), of(answer)) for label, answer in pairs)
    for i, own in enumerate(found.names):
        for j, other in enumerate(found.names):
            assert found.counts[i][j] == expected[own, other]
    assert sum(map(sum, found.counts)) == len(pairs)
    same = sum(of(label) == of(answer) for label, answer in pairs)
    assert (found.correct, found.accuracy) == (same, 100 * same / len(pairs))
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert found.wrong == len(wrong)
    assert found.wrong_inside == sum(of(a) == of(b) for a, b in wrong)


def test_superclasses_without_pictures_are_left_out_and_the_order_is_fixed() -> None:
    found = superclass_confusion(columns([row("a", 999, 0), row("b", 151, 151)]))
    assert found is not None
    assert found.names == ("fish", "dog", "substance")


def test_another_set_of_classes_has_no_superclasses() -> None:
    assert superclass_confusion(columns([row("a", 1000, 0)])) is None
