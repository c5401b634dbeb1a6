"""Both parts of CIFAR come in whatever form, as OpenCV would give the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples.common.cifar import load_cifar
from ppim_port.errors import DatasetError
from tests.eval.cifar import made
from tests.eval.cifar import test_training as training
from tests.examples.made import CIFAR, needs_cifar


@pytest.mark.parametrize("name", training.PARTS)
def test_an_archive_gives_bgr_pictures_and_names(name: str, tmp_path: Path) -> None:
    training.archive(tmp_path, name)
    data = load_cifar(tmp_path / f"{made.ARCHIVE[name]}-python.tar.gz", name)
    images, labels = training.pictures(name)
    assert (
        np.stack([data.train[at] for at in range(3)]) == images[:3, ..., ::-1]
    ).all()
    assert list(data.train.labels) == labels
    assert (data.test[6] == made.pictures()[6, ..., ::-1]).all()
    assert len(data.classes) == made.CLASSES[name]


def test_where_nothing_is_the_error_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cs\.toronto\.edu.*--data"):
        load_cifar(tmp_path / "cifar", "cifar100")


@needs_cifar
def test_the_sheets_are_a_thousand_pictures_of_each_part() -> None:
    data = load_cifar(CIFAR, "cifar10")
    # The first pictures of both parts are known from the set's page and its readers.
    assert data.classes[data.train.labels[0]] == "frog"
    assert data.classes[data.test.labels[0]] == "cat"
    assert len(data.train.labels) == len(data.test.labels) == 1000
    assert data.train[0].shape == (32, 32, 3)
    # Rows of the sheet are rows of the picture: neighbours are alike.
    image = np.stack([data.train[at] for at in range(50)]).astype(np.int16)
    assert np.abs(np.diff(image, axis=1)).mean() < 20


@needs_cifar
def test_the_sheets_are_not_cifar_100() -> None:
    with pytest.raises(DatasetError, match="--dataset cifar10"):
        load_cifar(CIFAR, "cifar100")


@pytest.mark.parametrize("what", ["cifar10_batch_50.png", "cifar10_labels.js"])
@needs_cifar
def test_a_missing_sheet_is_named(what: str, tmp_path: Path) -> None:
    for path in CIFAR.iterdir():
        if path.name != what:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(DatasetError, match=f"{what}: expected"):
        load_cifar(tmp_path, "cifar10")


@needs_cifar
def test_the_digest_sees_a_pixel_and_a_label() -> None:
    data = load_cifar(CIFAR, "cifar10").first(5)
    digest = data.digest()
    again = load_cifar(CIFAR, "cifar10").first(5)
    assert again.digest() == digest
    again.train.labels[4] += 1
    assert again.digest() != digest
    again = load_cifar(CIFAR, "cifar10").first(5)
    again.test[4][31, 31, 0] ^= 1
    assert again.digest() != digest
    assert load_cifar(CIFAR, "cifar10").first(6).digest() != digest
