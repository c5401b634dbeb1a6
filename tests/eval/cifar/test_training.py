"""Training pictures are found beside the test's in every form, and never mixed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.cifar_sets import SETS
from eval.dataset.cifar.training import read_training
from ppim_port.errors import DatasetError
from tests.eval.cifar import made

PARTS = {"cifar10": [f"data_batch_{n}" for n in range(1, 6)], "cifar100": ["train"]}
Make = Callable[[Path, str], None]


def pictures(name: str) -> tuple[np.ndarray, list[int]]:
    """Three pictures a batch, all different."""
    count = 3 * len(PARTS[name])
    return made.pictures(count), made.labels(name, count)


def tree(name: str, at: int, label: str = "training batch") -> dict[str, object]:
    images, labels = pictures(name)
    rows = slice(3 * at, 3 * at + 3)
    found = made.batch(name, images[rows], labels[rows])
    return {**found, "batch_label": f"{label} {at + 1} of 5"}


def python(root: Path, name: str) -> None:
    made.python(root, name)
    for at, part in enumerate(PARTS[name]):
        data = made.original(tree(name, at))
        made.put(root / made.FOLDERS[name][0] / part, data)


def binary(root: Path, name: str) -> None:
    made.binary(root, name)
    images, labels = pictures(name)
    for at, part in enumerate(PARTS[name]):
        rows = slice(3 * at, 3 * at + 3)
        data = made.rows(name, images[rows], labels[rows])
        made.put(root / made.FOLDERS[name][1] / f"{part}.bin", data)


def archive(root: Path, name: str) -> None:
    python(root / "unpacked", name)
    files = {
        str(path.relative_to(root / "unpacked")): path.read_bytes()
        for path in sorted((root / "unpacked").rglob("*"))
        if path.is_file()
    }
    made.packed(root / f"{made.ARCHIVE[name]}-python.tar.gz", files)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("make", [python, binary, archive])
def test_all_batches_are_read_in_order(make: Make, name: str, tmp_path: Path) -> None:
    make(tmp_path, name)
    table = read_training(tmp_path, SETS[name])
    images, labels = pictures(name)
    assert (table.pixels == made.planes(images)).all()
    assert list(table.labels) == labels


@pytest.mark.parametrize("make", [python, binary])
def test_a_missing_batch_is_named(make: Make, tmp_path: Path) -> None:
    make(tmp_path, "cifar10")
    next(tmp_path.rglob("data_batch_4*")).unlink()
    with pytest.raises(DatasetError, match=r"not whole: data_batch_4.* missing"):
        read_training(tmp_path, SETS["cifar10"])


def test_test_pictures_are_no_training_pictures(tmp_path: Path) -> None:
    python(tmp_path, "cifar10")
    folder = tmp_path / made.FOLDERS["cifar10"][0]
    data = made.original(tree("cifar10", 0, label="testing batch"))
    (folder / "data_batch_1").write_bytes(data)
    with pytest.raises(DatasetError, match="seen the test pictures"):
        read_training(tmp_path, SETS["cifar10"])


def test_labels_out_of_range_are_named(tmp_path: Path) -> None:
    python(tmp_path, "cifar10")
    folder = tmp_path / made.FOLDERS["cifar10"][0]
    odd = {**tree("cifar10", 2), "labels": [1, 10, 2]}
    (folder / "data_batch_3").write_bytes(made.original(odd))
    with pytest.raises(DatasetError, match="label 10 of picture 7; expected"):
        read_training(tmp_path, SETS["cifar10"])


def test_parquet_is_refused_with_the_forms_that_are_read(tmp_path: Path) -> None:
    made.parquet(tmp_path, "cifar10")
    with pytest.raises(DatasetError, match="the Python and the binary form alone"):
        read_training(tmp_path, SETS["cifar10"])
