"""Folders of wnid folders: labels by name, and an error for all that has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.dataset import open_dataset
from eval.records import Dataset
from ppim_port.errors import DatasetError
from ppim_port.imagenet import wnids

SHARED = Path(__file__).parents[3] / "shared"
WNIDS = wnids()


def opened(root: Path) -> Dataset:
    return open_dataset(root, val_list=None, class_wnids=WNIDS)


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked at here")
    return root


def test_a_part_of_the_classes_gets_the_labels_of_all(tmp_path: Path) -> None:
    fill(tmp_path, "n15075141/a.JPEG", "n01751748/b.JPEG", "n01751748/a.JPEG")
    dataset = opened(tmp_path)
    assert [(s.id, s.label) for s in dataset.samples] == [
        ("n01751748/a.JPEG", 65),
        ("n01751748/b.JPEG", 65),
        ("n15075141/a.JPEG", 999),
    ]
    assert (dataset.layout, dataset.classes, dataset.root) == (
        "folders",
        1000,
        tmp_path,
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the samples are not at {SHARED}")
def test_sample_folders_have_their_golden_labels() -> None:
    np = pytest.importorskip("numpy")
    with np.load(SHARED / "golden" / "rednet26_logits.npz") as golden:
        wanted = dict(
            zip(golden["names"].tolist(), golden["labels"].tolist(), strict=True)
        )
    samples = opened(SHARED / "imagenet-sample" / "wnid").samples
    assert {s.id: s.label for s in samples} == wanted


def test_odd_file_names_are_kept(tmp_path: Path) -> None:
    names = ["-rf.JPEG", "a b.jpg", "new\nline.png", "näme é.JPEG", "日本.jpeg"]
    fill(tmp_path, *[f"n01440764/{name}" for name in names])
    samples = opened(tmp_path).samples
    assert [s.id for s in samples] == sorted(f"n01440764/{name}" for name in names)
    assert all(s.path.is_file() for s in samples)


def test_a_name_in_two_folders_is_two_pictures_unless_it_is_a_validation_ones(
    tmp_path: Path,
) -> None:
    other = fill(tmp_path / "other", "n01440764/a.JPEG", "n01443537/a.JPEG")
    assert len(opened(other).samples) == 2
    name = "ILSVRC2012_val_00000001"
    root = fill(tmp_path / "val", f"n01440764/{name}.JPEG", f"n01443537/{name}.png")
    with pytest.raises(DatasetError, match=f"1 pictures are there twice: '{name}.JPEG"):
        opened(root)


def test_samples_are_sorted_by_id_not_by_folder(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.JPEG", "cat-like/a.JPEG")
    dataset = open_dataset(
        tmp_path, val_list=None, class_wnids=["cat", "cat-like"], num_classes=2
    )
    assert [s.id for s in dataset.samples] == ["cat-like/a.JPEG", "cat/a.JPEG"]


def test_links_are_followed_and_hidden_files_passed_over(tmp_path: Path) -> None:
    fill(tmp_path / "store", "n01440764/a.JPEG", "x.JPEG")
    root = fill(tmp_path / "root", ".DS_Store", "n01443537/.hidden.JPEG")
    (root / "n01440764").symlink_to(tmp_path / "store" / "n01440764")
    (root / "n01443537" / "b.JPEG").symlink_to(tmp_path / "store" / "x.JPEG")
    dataset = opened(root)
    assert [s.id for s in dataset.samples] == ["n01440764/a.JPEG", "n01443537/b.JPEG"]
    assert dataset.ignored == ()


def test_other_files_beside_the_class_folders_are_listed(tmp_path: Path) -> None:
    fill(tmp_path, "n01440764/a.JPEG", "val_list.txt", "LICENSE")
    assert opened(tmp_path).ignored == ("LICENSE", "val_list.txt")


def linked_nowhere(root: Path) -> None:
    fill(root, "n01440764/a.JPEG")
    (root / "n01440764" / "gone.JPEG").symlink_to(root / "nowhere")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda root: None, "the folder is empty"),
    "only text": (lambda r: fill(r, "a.txt"), r"no class folder.*'a.txt'.*--val-list"),
    "flat": (
        lambda r: fill(r, "b.JPEG", "a.JPEG"),
        r"2 pictures lie outside class folders.*'a.JPEG', 'b.JPEG'.*--val-list",
    ),
    "a stray picture": (
        lambda r: fill(r, "n01440764/a.JPEG", "z.JPEG"),
        r"1 pictures lie outside.*'z.JPEG'",
    ),
    "an unknown folder": (
        lambda r: fill(r, "n01440764/a.JPEG", "tench/a.JPEG", "n00000000/a.JPEG"),
        r"2 of 3 folders are no known class: 'n00000000', 'tench'.*'n01440764'",
    ),
    "numbers": (lambda r: fill(r, "0/a.JPEG", "10/a.JPEG"), "sorted as text"),
    "one level too high": (lambda r: fill(r, "val/n01440764/a.JPEG"), r"try '.*/val'"),
    "an empty class": (
        lambda r: (fill(r, "n01440764/a.JPEG") / "n01443537").mkdir(),
        "1 class folders hold no picture: 'n01443537'",
    ),
    "text in a class": (
        lambda r: fill(r, "n01440764/a.JPEG", "n01440764/Thumbs.db"),
        r"1 entries .* no picture files: 'n01440764/Thumbs.db'",
    ),
    "a folder in a class": (
        lambda r: fill(r, "n01440764/a.JPEG", "n01440764/more/b.JPEG"),
        "no picture files: 'n01440764/more'",
    ),
    "a dead link": (linked_nowhere, "no picture files: 'n01440764/gone.JPEG'"),
    "not UTF-8": (
        lambda r: fill(r, "n01440764/a\udcff.JPEG"),
        r"1 names are not valid UTF-8: 'a\\udcff.JPEG'",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(kind: str, tmp_path: Path) -> None:
    make, text = REFUSED[kind]
    make(tmp_path)
    with pytest.raises(DatasetError, match=text) as caught:
        opened(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_many_offenders_are_counted_and_the_first_named(tmp_path: Path) -> None:
    fill(tmp_path, *[f"class{n}/a.JPEG" for n in range(9)])
    with pytest.raises(DatasetError, match="'class4' and 4 more"):
        opened(tmp_path)


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        opened(tmp_path / "absent")


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "ILSVRC2012_img_val.tar")
    with pytest.raises(DatasetError, match="not a tar, or a damaged one"):
        opened(tmp_path / "ILSVRC2012_img_val.tar")


def test_class_names_must_be_as_many_as_classes(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.JPEG", "dog/a.JPEG")
    two = open_dataset(
        tmp_path, val_list=None, class_wnids=["dog", "cat"], num_classes=2
    )
    assert [(s.id, s.label) for s in two.samples] == [
        ("cat/a.JPEG", 1),
        ("dog/a.JPEG", 0),
    ]
    with pytest.raises(DatasetError, match="2 class names were given for 1000 classes"):
        open_dataset(tmp_path, val_list=None, class_wnids=["dog", "cat"])
