"""The labels that ship are the validation set's, and damage to them shows."""

from __future__ import annotations

import lzma
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from ppim_port.errors import DatasetError
from ppim_port.imagenet import devkit_wnids, wnids
from ppim_port.validation_set import (
    devkit_ids,
    index_of_devkit_id,
    number_of,
    official_name,
    unpack,
    val_labels,
)

LABELS = Path(__file__).parents[2] / "shared" / "labels"
needs_lists = pytest.mark.skipif(
    not LABELS.is_dir(), reason=f"the label lists are not at {LABELS}"
)
PACKED = files("ppim_port") / "data" / "imagenet_val_labels.u16.xz"


def test_the_labels_are_fifty_of_each_class() -> None:
    labels = val_labels()
    assert labels[:3] == (65, 970, 230)
    assert Counter(labels) == dict.fromkeys(range(1000), 50)


def test_the_labels_take_less_than_100_kilobytes() -> None:
    assert len(PACKED.read_bytes()) < 100_000


@needs_lists
def test_the_labels_are_those_of_the_source() -> None:
    lines = (LABELS / "val.txt").read_text().splitlines()
    wanted = [line.split() for line in lines]
    assert [official_name(n) for n in range(1, 50_001)] == [w[0] for w in wanted]
    assert list(val_labels()) == [int(w[1]) for w in wanted]


@needs_lists
def test_the_devkits_order_is_that_of_the_source() -> None:
    text = (LABELS / "ilsvrc2012_id_order_wnids.txt").read_text()
    assert list(devkit_wnids()) == text.split()


def test_devkit_ids_and_indices_lead_to_each_other() -> None:
    back = [index_of_devkit_id()[number - 1] for number in devkit_ids()]
    assert back == list(range(1000))
    assert devkit_wnids()[devkit_ids()[65] - 1] == wnids()[65]


def with_a_byte_changed() -> bytes:
    data = bytearray(lzma.decompress(PACKED.read_bytes()))
    data[77_776] ^= 1
    return lzma.compress(bytes(data))


@pytest.mark.parametrize(
    "damaged", [b"", b"not packed", PACKED.read_bytes()[:-40], with_a_byte_changed()]
)
def test_damaged_labels_are_refused(damaged: bytes) -> None:
    with pytest.raises(DatasetError, match="is damaged: its sha256 is not f5350687"):
        unpack(damaged)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ILSVRC2012_val_00000001.JPEG", 1),
        ("n01440764/ILSVRC2012_val_00050000.JPEG", 50_000),
        ("ILSVRC2012_val_00000293_n01440764.JPEG", 293),
        ("ILSVRC2012_val_00000293.png", 293),
        ("ILSVRC2012_val_00000293", 293),
        ("ILSVRC2012_val_00000000.JPEG", None),
        ("ILSVRC2012_val_00050001.JPEG", None),
        ("ILSVRC2012_val_0000001.JPEG", None),
        ("xILSVRC2012_val_00000001.JPEG", None),
        ("ILSVRC2012_val_00000001.JPEG\n", None),
        ("ILSVRC2012_val_00000001.JPEG.txt", None),
        ("ILSVRC2012_test_00000001.JPEG", None),
    ],
)
def test_a_pictures_number_is_in_its_name(name: str, number: int | None) -> None:
    assert number_of(name) == number
