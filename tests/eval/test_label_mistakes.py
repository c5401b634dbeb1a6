"""The classic label mistakes are recognised, and named in the error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.dataset import open_dataset
from eval.dataset.truth import mistake
from eval.records import Dataset
from ppim_port.errors import DatasetError
from ppim_port.imagenet import wnids
from ppim_port.validation_set import devkit_ids, val_labels
from tests.eval.sets import LABELS, PICTURES, ground_truth, parquet, put, tar

Wrong = Callable[[int], int]
TEXT_ORDER = sorted(map(str, range(1000)))
MISTAKES: dict[str, tuple[Wrong, str]] = {
    "devkit minus one": (
        lambda true: devkit_ids()[true] - 1,
        "ILSVRC2012_ID minus one",
    ),
    "devkit": (lambda true: devkit_ids()[true], "ILSVRC2012_ID itself"),
    "text order": (lambda true: TEXT_ORDER.index(str(true)), r"0, 1, 10, 100"),
    "1001 classes": (lambda true: true + 1, "1001 classes, with the background first"),
    "reversed": (lambda true: 999 - true, "counted down"),
    "shuffled": (lambda true: (true * 7 + 13) % 1000, "none of the usual mistakes"),
}


def with_list(root: Path, wrong: Wrong) -> Dataset:
    file = root / "list.txt"
    file.write_text("".join(f"{name} {wrong(t)}\n" for name, t in LABELS.items()))
    pictures = put(root / "val", PICTURES)
    return open_dataset(pictures, val_list=file, class_wnids=wnids())


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_list_with_a_mistake_is_refused_by_its_name(
    kind: str, tmp_path: Path
) -> None:
    wrong, text = MISTAKES[kind]
    with pytest.raises(DatasetError, match=text) as caught:
        with_list(tmp_path, wrong)
    assert "6 of 6 labels are not those of ILSVRC2012" in str(caught.value)


@pytest.mark.parametrize("kind", ["devkit minus one", "text order", "1001 classes"])
def test_a_mistake_in_all_50_000_labels_is_named_alone(kind: str) -> None:
    wrong, text = MISTAKES[kind]
    names = (f"ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, 50_001))
    found = mistake(
        {name: wrong(true) for name, true in zip(names, val_labels(), strict=True)}
    )
    assert found is not None
    assert " or from" not in found
    assert " or of" not in found
    assert text.split(",")[0] in found


def test_labels_beyond_the_last_class_name_the_background(tmp_path: Path) -> None:
    number = val_labels().index(999) + 1
    name = f"ILSVRC2012_val_{number:08d}.JPEG"
    file = tmp_path / "list.txt"
    file.write_text(f"{name} 1000\nILSVRC2012_val_00000001.JPEG 66\n")
    pictures = put(tmp_path / "val", {name: b"", "ILSVRC2012_val_00000001.JPEG": b""})
    with pytest.raises(DatasetError, match=r"not in 0\.\.999.*1001 classes"):
        open_dataset(pictures, val_list=file, class_wnids=wnids())


def test_one_wrong_label_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"1 of 6 labels .*00000002.JPEG 7, not 970"):
        with_list(tmp_path, lambda true: 7 if true == 970 else true)


def test_other_pictures_and_other_class_counts_are_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("a.JPEG 3\n")
    root = put(tmp_path / "val", {"a.JPEG": b""})
    assert open_dataset(root, val_list=file, class_wnids=wnids()).samples[0].label == 3
    file.write_text("ILSVRC2012_val_00000001.JPEG 3\n")
    put(root, {"ILSVRC2012_val_00000001.JPEG": b""})
    few = open_dataset(root, val_list=file, class_wnids=wnids(), num_classes=10)
    assert few.samples[0].label == 3


def test_a_picture_in_the_wrong_class_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"n01440764/ILSVRC2012_val_00000001.JPEG": b""})
    with pytest.raises(DatasetError, match=r"00000001\.JPEG 0, not 65"):
        open_dataset(tmp_path, val_list=None, class_wnids=wnids())


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        (lambda true: true, "Here they are the class indices"),
        (lambda true: devkit_ids()[true], "ILSVRC2012_ID itself"),
        (lambda true: true + 1, "1001 classes"),
    ],
)
def test_numeric_folders_are_told_what_they_count(
    folder: Wrong, text: str, tmp_path: Path
) -> None:
    put(tmp_path, {f"{folder(true)}/{name}": b"" for name, true in LABELS.items()})
    with pytest.raises(DatasetError, match=f"sorted as text.*{text}"):
        open_dataset(tmp_path, val_list=None, class_wnids=wnids())


def test_shards_with_the_devkits_ids_are_refused(tmp_path: Path) -> None:
    name, true = next(iter(LABELS.items()))
    wrong = devkit_ids()[true] - 1
    image = {"bytes": b"", "path": name}
    shard = parquet(tmp_path / "a.parquet", [{"image": image, "label": wrong}])
    files = [
        (name.replace("JPEG", "jpg"), b""),
        (name.replace("JPEG", "cls"), b"%d" % wrong),
    ]
    for place in (shard, tar(tmp_path / "a.tar", files)):
        with pytest.raises(DatasetError, match="minus one"):
            open_dataset(place, val_list=None, class_wnids=wnids())


DAMAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "short": (lambda ids: ids[:-1], "expected 50,000 ids"),
    "long": (lambda ids: [*ids, "1"], "expected 50,000 ids"),
    "minus one": (
        lambda ids: [str(int(n) - 1) for n in ids],
        r"among them b'0'; ids count",
    ),
    "words": (lambda ids: ["1.5", *ids[1:]], r"among them b'1\.5'"),
    "too high": (lambda ids: ["1001", *ids[1:]], r"among them b'1001'"),
    "huge": (lambda ids: ["9" * 5000, *ids[1:]], r"among them b'99999"),
    "shifted": (lambda ids: [*ids[1:], ids[0]], "ids are not those of ILSVRC2012"),
    "indices plus one": (
        lambda ids: [str(label + 1) for label in val_labels()],
        "class indices plus one",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_bad_ground_truth_is_refused(kind: str, tmp_path: Path) -> None:
    change, text = DAMAGE[kind]
    truth = ground_truth(tmp_path / "truth.txt")
    truth.write_text("\n".join(change(truth.read_text().split())) + "\n")
    root = put(tmp_path / "val", PICTURES)
    with pytest.raises(DatasetError, match=text):
        open_dataset(root, val_list=truth, class_wnids=wnids(), layout="devkit")
