"""The packaged class list is the 1000 wnids in index order, or an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppim_port.errors import DatasetError
from ppim_port.imagenet import parse, wnids

SHARED = Path(__file__).parents[3] / "shared"


def test_wnids_are_a_thousand_sorted_and_different() -> None:
    ids = wnids()
    assert len(ids) == 1000
    assert list(ids) == sorted(set(ids))


def test_well_known_classes_have_their_indices() -> None:
    ids = wnids()
    known = {0: "n01440764", 65: "n01751748", 207: "n02099601", 999: "n15075141"}
    assert {index: ids[index] for index in known} == known


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the label lists are not at {SHARED}")
def test_wnids_are_those_of_the_source() -> None:
    assert list(wnids()) == (SHARED / "labels" / "synsets.txt").read_text().split()


@pytest.mark.parametrize("damage", ["lost", "twice", "swapped", "other", "extra"])
def test_a_damaged_list_is_refused(damage: str) -> None:
    ids = list(wnids())
    if damage == "lost":
        del ids[500]
    elif damage == "twice":
        ids[500] = ids[499]
    elif damage == "swapped":
        ids[500], ids[501] = ids[501], ids[500]
    elif damage == "other":
        ids[500] = ids[499] + "x"
    else:
        ids.append("n99999999")
    with pytest.raises(DatasetError, match="expected 1000 sorted, different ids"):
        parse("# a list\n" + "\n".join(ids) + "\n")
